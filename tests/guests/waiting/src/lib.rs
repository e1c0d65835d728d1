//! Hostile guests that wait, sleep or knock at the network, and a few of the others again: a host that runs guests of this
//! kind differently must stop them just the same.
//!
//! One file per probe in `probe/`; the tests do not compile unless each has a host test of its name.

mod exchange;
mod probe;

#[path = "../../hostile/src/probe/endless_loop.rs"]
mod endless_loop;
#[path = "../../hostile/src/probe/host_calls.rs"]
mod host_calls;
#[path = "../../hostile/src/probe/memory_growth.rs"]
mod memory_growth;
#[path = "../../hostile/src/probe/polite_loop.rs"]
mod polite_loop;
#[path = "../../hostile/src/probe/recursion.rs"]
mod recursion;
#[path = "../../hostile/src/probe/stdout_flood.rs"]
mod stdout_flood;

toolhold_sdk::component!(
    endless_loop::endless_loop,
    host_calls::host_calls,
    memory_growth::memory_growth,
    polite_loop::polite_loop,
    recursion::recursion,
    stdout_flood::stdout_flood,
    probe::http_hoard::http_hoard,
    probe::http_receive_flood::http_receive_flood,
    probe::http_request::http_request,
    probe::http_requests::http_requests,
    probe::http_send_flood::http_send_flood,
    probe::network::network,
    probe::poll_forever::poll_forever,
    probe::poll_many::poll_many,
    probe::pollable_leak::pollable_leak,
    probe::sleep_forever::sleep_forever,
    probe::sleep_often::sleep_often,
    probe::writes_then_sends::writes_then_sends,
);
