// The uploads, watched by OpenTelemetry (settings from OTEL_*).
"use strict";

const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-proto");
const { AwsInstrumentation } = require("@opentelemetry/instrumentation-aws-sdk");
const { HttpInstrumentation } = require("@opentelemetry/instrumentation-http");
const { NodeSDK } = require("@opentelemetry/sdk-node");

new NodeSDK({
  traceExporter: new OTLPTraceExporter(),
  instrumentations: [new HttpInstrumentation(), new AwsInstrumentation()],
}).start();
require("./uploads.js");
