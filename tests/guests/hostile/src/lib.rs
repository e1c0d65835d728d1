//! Hostile guests that compute, talk and touch files. Each tries to break one limit or one wall of the host.
//!
//! One file per probe in `probe/`; the tests do not compile unless each has a host test of its name. Guests that wait are
//! another component (`waiting`), because a host may run those differently. None of this is for production.

mod probe;
mod raw;

toolhold_sdk::component!(
    probe::aborts::aborts,
    probe::acts_then_grows::acts_then_grows,
    probe::allocations::allocations,
    probe::bulk_fill::bulk_fill,
    probe::deep_result::DeepResult,
    probe::deep_tree::deep_tree,
    probe::directory_handles::directory_handles,
    probe::emit_flood::emit_flood,
    probe::endless_loop::endless_loop,
    probe::environment::environment,
    probe::exits::exits,
    probe::files_flood::files_flood,
    probe::forged_protocol::forged_protocol,
    probe::giant_error::giant_error,
    probe::giant_random::giant_random,
    probe::giant_requests::giant_requests,
    probe::giant_result::giant_result,
    probe::handle_leak::handle_leak,
    probe::host_calls::host_calls,
    probe::hostile_text::hostile_text,
    probe::huge_listing::huge_listing,
    probe::links::links,
    probe::log_flood::log_flood,
    probe::memory_growth::memory_growth,
    probe::not_json::NotJson,
    probe::odd_writes::odd_writes,
    probe::panics::panics,
    probe::path_escapes::path_escapes,
    probe::polite_loop::polite_loop,
    probe::progress_flood::progress_flood,
    probe::read_flood::read_flood,
    probe::read_only::read_only,
    probe::recursion::recursion,
    probe::repeats::repeats,
    probe::sly_word_count::SlyWordCount,
    probe::sparse_growth::sparse_growth,
    probe::special_files::special_files,
    probe::state_leak::state_leak,
    probe::stderr_flood::stderr_flood,
    probe::stdout_flood::stdout_flood,
    probe::stream_handles::stream_handles,
    probe::trailing_garbage::TrailingGarbage,
    probe::write_flood::write_flood,
    probe::wrong_shape::WrongShape,
);
