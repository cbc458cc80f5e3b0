"""The uploads, watched by the Sentry SDK (settings from SENTRY_DSN)."""

import sentry_sdk
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware

import uploads

sentry_sdk.init(traces_sample_rate=1.0)


def named(environ, start_response):
    # Plain WSGI has no routes that the SDK could take a name from.
    sentry_sdk.get_current_scope().set_transaction_name(environ["PATH_INFO"], source="route")
    return uploads.application(environ, start_response)


uploads.serve(SentryWsgiMiddleware(named))
