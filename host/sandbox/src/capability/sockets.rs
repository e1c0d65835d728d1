//! `wasi:sockets`: linked, and nothing in it works. No socket is ever made and no name looked up.
//!
//! TCP and name lookup are refused by wasmtime-wasi's default context, before any system call. For UDP its synchronous
//! form would start a runtime first, so creating one is refused here.

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::UdpSocket;
use wasmtime_wasi::p2::bindings::sockets as fiber;
use wasmtime_wasi::p2::bindings::sync::sockets as calling_thread;
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsCtxView};

use crate::call::{CallState, LaneLinker};

/// The version that wasmtime-wasi 48 links; guests that were built for another 0.2 match it.
const UDP_CREATE_SOCKET: &str = "wasi:sockets/udp-create-socket@0.2.12";

impl CallState {
    fn sockets(&mut self) -> WasiSocketsCtxView<'_> {
        self.count();
        WasiSocketsCtxView { ctx: &mut self.sockets, table: &mut self.table }
    }
}

/// Adds all of `wasi:sockets`.
pub(crate) fn add_to_linker(linker: &mut Linker<CallState>, lane: LaneLinker) -> wasmtime::Result<()> {
    let options = fiber::network::LinkOptions::default();
    fiber::instance_network::add_to_linker::<_, WasiSockets>(linker, CallState::sockets)?;
    fiber::network::add_to_linker::<_, WasiSockets>(linker, &options, CallState::sockets)?;
    fiber::ip_name_lookup::add_to_linker::<_, WasiSockets>(linker, CallState::sockets)?;
    fiber::tcp_create_socket::add_to_linker::<_, WasiSockets>(linker, CallState::sockets)?;
    linker
        .instance(UDP_CREATE_SOCKET)?
        .func_wrap("create-udp-socket", |mut store, (family,)| Ok((create_udp_socket(store.data_mut(), family),)))?;
    match lane {
        LaneLinker::CallingThread => {
            calling_thread::tcp::add_to_linker::<_, WasiSockets>(linker, CallState::sockets)?;
            calling_thread::udp::add_to_linker::<_, WasiSockets>(linker, CallState::sockets)
        }
        LaneLinker::Fiber => {
            fiber::tcp::add_to_linker::<_, WasiSockets>(linker, CallState::sockets)?;
            fiber::udp::add_to_linker::<_, WasiSockets>(linker, CallState::sockets)
        }
    }
}

fn create_udp_socket(
    state: &mut CallState,
    _family: fiber::network::IpAddressFamily,
) -> Result<Resource<UdpSocket>, fiber::network::ErrorCode> {
    state.count();
    Err(fiber::network::ErrorCode::AccessDenied)
}
