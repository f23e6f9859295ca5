"""The project's code location where every minute is a night, once the schedule is switched on."""

from jira_assets.definitions import build_definitions
from jira_assets.jobs.schedules import NIGHTLY

defs = build_definitions(crons={NIGHTLY: "* * * * *"})
