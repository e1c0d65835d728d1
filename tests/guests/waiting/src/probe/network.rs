//! `network`: sockets and names, by `wasi:sockets` and by the standard library. All of it must be refused.

use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use toolhold_sdk::prelude::*;
use wasip2::sockets::network::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress};
use wasip2::sockets::{instance_network, ip_name_lookup, tcp_create_socket, udp_create_socket};

/// Tries each way to the network, and says which the host did not refuse.
#[tool(hints(open_world), needs(network("*", "test")))]
pub(crate) fn network(
    /// A port of this machine on which somebody listens.
    port: u16,
) -> Vec<String> {
    let mut open = Vec::new();
    let mut tried = |what: &str, worked: bool| {
        if worked {
            open.push(what.to_owned());
        }
    };
    tried("std-connect", TcpStream::connect(("127.0.0.1", port)).is_ok());
    tried("std-connect-6", TcpStream::connect(("::1", port)).is_ok());
    tried("std-listen", TcpListener::bind("127.0.0.1:0").is_ok());
    tried("std-udp", UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"x", ("127.0.0.1", port))).is_ok());
    tried("std-lookup", "localhost:80".to_socket_addrs().is_ok_and(|mut found| found.next().is_some()));
    tried("lookup", looked_up("localhost"));
    tried("lookup-address", looked_up("127.0.0.1"));
    tried("connect", connected(port));
    tried("udp", udp_bound());
    open
}

fn looked_up(name: &str) -> bool {
    let network = instance_network::instance_network();
    let Ok(found) = ip_name_lookup::resolve_addresses(&network, name) else { return false };
    found.subscribe().block();
    matches!(found.resolve_next_address(), Ok(Some(_)))
}

fn connected(port: u16) -> bool {
    let network = instance_network::instance_network();
    let Ok(socket) = tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4) else { return false };
    let address = IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (127, 0, 0, 1) });
    if socket.start_connect(&network, address).is_err() {
        return false;
    }
    socket.subscribe().block();
    socket.finish_connect().is_ok()
}

fn udp_bound() -> bool {
    let network = instance_network::instance_network();
    let Ok(socket) = udp_create_socket::create_udp_socket(IpAddressFamily::Ipv4) else { return false };
    let address = IpSocketAddress::Ipv4(Ipv4SocketAddress { port: 0, address: (0, 0, 0, 0) });
    socket.start_bind(&network, address).is_ok() && socket.finish_bind().is_ok()
}
