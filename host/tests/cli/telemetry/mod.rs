//! What leaves by way of telemetry, as those read it for whom it is: a collector of spans, Prometheus, what reads log lines.

mod deploy;
mod logs;
mod metrics;
mod receiver;
mod serve;
mod spans;
