#!/bin/sh
# The tests talk to a real RabbitMQ, through a real PgBouncer, and look at the UI in a real Chromium. Where they are missing and
# this user may, apt-get brings them; elsewhere one sentence says what to install.
set -u

missing=""
if [ -z "${JIRA_ASSETS_TEST_AMQP_URL:-}" ] && ! PATH="$PATH:/usr/sbin:/usr/lib/rabbitmq/bin" command -v rabbitmq-server >/dev/null; then
    missing="rabbitmq-server"
fi
command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
    command -v google-chrome >/dev/null || missing="$missing chromium"
PATH="$PATH:/usr/sbin" command -v pgbouncer >/dev/null || missing="$missing pgbouncer"
[ -n "$missing" ] || exit 0

# shellcheck disable=SC2086  # a list of package names, split on purpose
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing for the tests:$missing" | tr -s ' '
    # Nothing but the tests may start it: a private node is started by them and stopped afterwards.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    log=$(mktemp)
    if apt-get update -qq >"$log" 2>&1 &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >>"$log" 2>&1; then
        exit 0
    fi
    tail -n 20 "$log" >&2
fi
echo "The tests need$missing: install them with your package manager (for RabbitMQ, setting" \
    "JIRA_ASSETS_TEST_AMQP_URL to a server of yours does as well)." | tr -s ' ' >&2
exit 1
