// The uploads, watched by the Sentry SDK (settings from SENTRY_DSN).
"use strict";

const Sentry = require("@sentry/node");

Sentry.init({ dsn: process.env.SENTRY_DSN, tracesSampleRate: 1 });
require("./uploads.js");
