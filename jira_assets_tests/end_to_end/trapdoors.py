"""The names of the trapdoors. To import the code location that has them is to set them."""

DEFINITIONS = "jira_assets_tests.end_to_end.killing_definitions"
FOLDER_VARIABLE = "JIRA_ASSETS_TEST_TRAPDOORS"
AFTER_MARKER = "after-the-marker-before-the-publish"
AFTER_INBOX = "after-the-inbox-commit-before-the-ack"
MID_MERGE = "in-the-middle-of-the-merge"
