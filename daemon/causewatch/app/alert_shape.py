"""The keys of ``causewatch.yaml`` that say who is told, in the shape of Alertmanager's file.

What Alertmanager knows and causewatch does not is named here with the reason, so that a copied file
is refused at its place rather than half understood.
"""

from __future__ import annotations

from causewatch.rules.shape import (
    Boolean,
    Choice,
    Duration,
    Integer,
    Json,
    Key,
    ListOf,
    MapOf,
    Shape,
    Text,
)

MAX_ROUTE_DEPTH = 8
_NAME = Text(not_empty=True)
_LAYOUT = "messages are laid out by causewatch, from the incident; rules' annotations are in them"


def _refused(why: str, *names: str) -> tuple[Key, ...]:
    return tuple(Key(name=name, kind=Json(), doc="", later=True, why=why) for name in names)


_SLACK = Shape(
    name="Slack receiver",
    keys=(
        Key(
            name="bot_token_file", kind=Text(not_empty=True), doc="File with a bot token (`xoxb-`)."
        ),
        Key(name="bot_token", kind=Text(not_empty=True), doc="The token; use `${env:NAME}`."),
        Key(
            name="webhook_url_file",
            kind=Text(not_empty=True),
            doc="File with an incoming webhook's URL: one message at open, one at resolve.",
        ),
        Key(name="webhook_url", kind=Text(not_empty=True), doc="The URL; use `${env:NAME}`."),
        Key(name="channel", kind=Text(), doc="Channel name or id; needed with a bot token."),
        Key(
            name="api_url",
            kind=Text(),
            doc="Base of Slack's Web API, for a proxy. Default `https://slack.com/api/`.",
        ),
        Key(
            name="mention",
            kind=MapOf(value=ListOf(item=Text(not_empty=True))),
            doc='Whom to mention, by severity: `{page: ["@here", "U123456"]}`.',
        ),
        Key(name="send_resolved", kind=Boolean(), doc="Tell of the end as well. Default true."),
        Key(
            name="excerpts",
            kind=Boolean(),
            doc="Show payload excerpts that evidence quotes. Default false: they are private.",
        ),
        Key(
            name="picture",
            kind=Boolean(),
            doc="Draw the causal path into the thread. Takes a bot token with the scope"
            " `files:write`, and `pip install 'causewatch[picture]'`. Default false.",
        ),
        *_refused(
            _LAYOUT,
            *("title", "title_link", "text", "pretext", "fallback", "color", "footer", "fields"),
            *("short_fields", "actions", "username", "icon_emoji", "icon_url", "image_url"),
            *("thumb_url", "link_names", "callback_id", "mrkdwn_in", "message_text"),
        ),
        *_refused("set HTTPS_PROXY for a proxy", "http_config"),
        *_refused("messages of a bot token are always updated in place", "update_message"),
        *_refused("the app token stands in the section `slack`", "app_token", "app_token_file"),
        *_refused("Slack's own address is used; `api_url` is for a proxy", "app_url"),
        *_refused("an attempt ends after 10s and is made again", "timeout"),
        *_refused("give `webhook_url_file`, the address of the incoming webhook", "api_url_file"),
    ),
)

_HTTP = Shape(
    name="http client section",
    keys=(
        Key(
            name="authorization",
            kind=Shape(
                name="authorization section",
                keys=(
                    Key(name="credentials", kind=_NAME, doc="A token; use `${env:NAME}`."),
                    Key(name="credentials_file", kind=_NAME, doc="File with the token."),
                    Key(name="type", kind=Choice(words=("Bearer",)), doc="Default `Bearer`."),
                ),
            ),
            doc="A token that is sent along.",
        ),
        Key(
            name="tls_config",
            kind=Shape(
                name="tls section",
                keys=(
                    Key(name="ca_file", kind=_NAME, doc="CAs to believe instead (PEM)."),
                    Key(name="cert_file", kind=_NAME, doc="Our certificate (PEM), for mTLS."),
                    Key(name="key_file", kind=_NAME, doc="Its private key (PEM)."),
                    *_refused("give `ca_file`: a server is always checked", "insecure_skip_verify"),
                    *_refused("give the name in `url`", "server_name"),
                ),
            ),
            doc="TLS with other certificates than the system's.",
        ),
        *_refused("the environment says so: HTTP_PROXY, HTTPS_PROXY, NO_PROXY", "proxy_url"),
        *_refused("redirects are never followed", "follow_redirects"),
        *_refused("give `authorization`", "basic_auth", "oauth2", "bearer_token"),
    ),
)

_WEBHOOK = Shape(
    name="webhook receiver",
    keys=(
        Key(name="url", kind=Text(not_empty=True), doc="Where the JSON is posted."),
        Key(name="url_file", kind=Text(not_empty=True), doc="File with the URL."),
        Key(
            name="secret_file",
            kind=Text(not_empty=True),
            doc="File with a Standard Webhooks secret (`whsec_...`); requests are then signed.",
        ),
        Key(name="secret", kind=Text(not_empty=True), doc="The secret; use `${env:NAME}`."),
        Key(name="send_resolved", kind=Boolean(), doc="Tell of the end as well. Default true."),
        Key(name="excerpts", kind=Boolean(), doc="Send payload excerpts. Default false."),
        Key(name="timeout", kind=Duration(not_zero=True), doc="Default 20s."),
        Key(name="http_config", kind=_HTTP, doc="How the server is met."),
        *_refused("a body carries as many alerts as fit, and counts the rest", "max_alerts"),
        *_refused(_LAYOUT, "payload"),
    ),
)

_OTHERS = (
    *("discord_configs", "email_configs", "incidentio_configs", "jira_configs"),
    *("mattermost_configs", "msteams_configs", "msteamsv2_configs", "opsgenie_configs"),
    *("pagerduty_configs", "pushover_configs", "rocketchat_configs", "sns_configs"),
    *("telegram_configs", "victorops_configs", "webex_configs", "wechat_configs"),
)

RECEIVER = Shape(
    name="receiver",
    keys=(
        Key(name="name", kind=_NAME, doc="What routes call it.", required=True),
        Key(name="slack_configs", kind=ListOf(item=_SLACK), doc="Slack channels."),
        Key(name="webhook_configs", kind=ListOf(item=_WEBHOOK), doc="JSON webhooks."),
        Key(
            name="limit",
            kind=Integer(minimum=1, maximum=1000),
            doc="New incidents that each destination is told of within a `group_interval`,"
            " reminders included; one more message names the first of the others and counts the"
            " rest. Those that page somebody (severity `page` or `critical`) have as many of their"
            " own. Default: no limit.",
        ),
        Key(
            name="fallback",
            kind=_NAME,
            doc="Name of the receiver that is told what this one cannot be told: its token was"
            " revoked, its channel archived, its webhook is gone, or a day of attempts failed.",
        ),
        Key(name="alertmanager_configs", kind=Json(), doc="Alertmanagers.", later=True),
        *_refused("causewatch tells Slack and webhooks: give `webhook_configs`", *_OTHERS),
    ),
)

_SLACK_APP = Shape(
    name="slack section",
    keys=(
        Key(
            name="app_token_file",
            kind=Text(not_empty=True),
            doc="File with an app-level token (`xapp-`) with the scope `connections:write`.",
        ),
        Key(name="app_token", kind=Text(not_empty=True), doc="The token; use `${env:NAME}`."),
        Key(
            name="allow",
            kind=ListOf(item=Text(not_empty=True)),
            required=True,
            doc="Ids of the users who may acknowledge and silence: `[U012AB3CD, U045EF6GH]`.",
        ),
        Key(
            name="api_url",
            kind=Text(not_empty=True),
            doc="Base of Slack's Web API, for a proxy. Default `https://slack.com/api/`.",
        ),
    ),
)


def _matchers(name: str, doc: str) -> Key:
    return Key(name=name, kind=ListOf(item=_NAME), doc=doc)


def _pairs(name: str, doc: str) -> Key:
    return Key(name=name, kind=MapOf(value=Text()), doc=doc)


_ROUTE_KEYS = (
    Key(name="receiver", kind=_NAME, doc="Name of the receiver."),
    _matchers(
        "matchers",
        'Label matchers such as `severity="page"` or `team=~"ai.*"`; all must match. Not at'
        " the root.",
    ),
    _pairs("match", "Labels and the values they must have; `matchers` is the newer form."),
    _pairs("match_re", "Labels and the patterns they must match, as a whole."),
    Key(
        name="continue",
        kind=Boolean(),
        doc="Whether the siblings after a matching route are tried too.",
    ),
    Key(
        name="group_by",
        kind=ListOf(item=_NAME),
        doc="What makes alerts one incident: `cause`, names of labels, or `...` for all labels."
        " Default `[cause]`.",
    ),
    Key(
        name="group_wait",
        kind=Duration(bare_zero=True),
        doc="How long the first message waits for further alerts; one that pages somebody"
        " (severity `page` or `critical`) does not wait. Default 0s.",
    ),
    Key(
        name="group_interval",
        kind=Duration(not_zero=True),
        doc="Alerts that come or go within an open incident, and small changes (one more run),"
        " are told at most this often. Default 1m.",
    ),
    Key(
        name="repeat_interval",
        kind=Duration(not_zero=True),
        doc="An open incident that nobody acknowledged is told again after so long. Default 4h.",
    ),
    Key(
        name="mute_time_intervals",
        kind=ListOf(item=_NAME),
        doc="Names of time intervals in which nobody is told. Not at the root.",
    ),
    Key(
        name="active_time_intervals",
        kind=ListOf(item=_NAME),
        doc="Names of time intervals outside of which nobody is told. Not at the root.",
    ),
    *_refused("give the label to the rule, or to its group", "labels"),
)


def _route(depth: int) -> Shape:
    """Return the shape of a route with ``depth`` levels of routes below it."""
    below = ListOf(item=_route(depth - 1)) if depth else None
    routes = (Key(name="routes", kind=below, doc="Routes below."),) if below else ()
    return Shape(name="route", keys=(*_ROUTE_KEYS, *routes))


_TIMES = Shape(
    name="time range",
    keys=(
        Key(name="start_time", kind=_NAME, doc="`HH:MM`, included.", required=True),
        Key(name="end_time", kind=_NAME, doc="`HH:MM` up to `24:00`, not included.", required=True),
    ),
)
_INTERVAL = Shape(
    name="time interval",
    keys=(
        Key(name="times", kind=ListOf(item=_TIMES), doc="Times of the day."),
        Key(
            name="weekdays",
            kind=ListOf(item=_NAME),
            doc="Weekdays such as `saturday` or `monday:friday`; a week begins on Sunday.",
        ),
        Key(
            name="days_of_month",
            kind=ListOf(item=_NAME),
            doc="Days such as `1`, `1:5` or `-3:-1`, which are the last three.",
        ),
        Key(name="months", kind=ListOf(item=_NAME), doc="Months such as `december` or `1:3`."),
        Key(name="years", kind=ListOf(item=_NAME), doc="Years such as `2030` or `2026:2027`."),
        Key(name="location", kind=_NAME, doc="Time zone such as `Europe/Oslo`. Default UTC."),
    ),
)
_NAMED_INTERVAL = Shape(
    name="named time interval",
    keys=(
        Key(name="name", kind=_NAME, doc="What routes call it.", required=True),
        Key(
            name="time_intervals",
            kind=ListOf(item=_INTERVAL),
            doc="A moment is within it when it is within one of these.",
            required=True,
        ),
    ),
)
_INHIBIT = Shape(
    name="inhibit rule",
    keys=(
        Key(name="name", kind=_NAME, doc="What it is called."),
        _matchers("source_matchers", "Alerts that, while they fire, keep others from being told."),
        _matchers("target_matchers", "Alerts that are then not told."),
        _pairs("source_match", "The older form of `source_matchers`, for equal values."),
        _pairs("source_match_re", "The same for patterns."),
        _pairs("target_match", "The older form of `target_matchers`, for equal values."),
        _pairs("target_match_re", "The same for patterns."),
        Key(
            name="equal",
            kind=ListOf(item=_NAME),
            doc="Labels that must be the same on both; a missing label is the empty one.",
        ),
    ),
)
ALERTING = (
    Key(name="route", kind=_route(MAX_ROUTE_DEPTH), doc="Which receiver gets which incident."),
    Key(name="receivers", kind=ListOf(item=RECEIVER), doc="Whom to tell."),
    Key(
        name="slack",
        kind=_SLACK_APP,
        doc="Buttons in Slack's messages to acknowledge and to silence, heard by Socket Mode: for"
        " messages of bot tokens, which must be those of the same app.",
    ),
    Key(
        name="inhibit_rules",
        kind=ListOf(item=_INHIBIT),
        doc="Alerts that nobody needs to hear of while another one fires.",
    ),
    Key(
        name="time_intervals",
        kind=ListOf(item=_NAMED_INTERVAL),
        doc="Times that routes can be muted or active in, by name.",
    ),
    Key(
        name="mute_time_intervals",
        kind=ListOf(item=_NAMED_INTERVAL),
        doc="The older name of `time_intervals`.",
    ),
    *_refused("every receiver has its own settings", "global"),
    *_refused(_LAYOUT, "templates"),
    *_refused("see `forward` for where runs go on to", "tracing"),
)
"""The keys at the top of the file."""
