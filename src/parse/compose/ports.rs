//! The short and long syntax of `ports`: a port of docker's `nat.ParsePortSpec`.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::model::compose::{Protocol, PublishedPort};

/// A mapping without its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMapping {
    pub host_ip: Option<String>,
    /// `None`: the engine chooses a port at each start.
    pub published: Option<PublishedPort>,
    pub target: u16,
    pub protocol: Protocol,
}

/// Why Compose refuses a mapping: fragments that follow the entry's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    #[error("has an invalid host address `{0}`")]
    HostAddress(String),
    #[error("has an invalid host port `{0}`")]
    HostPort(String),
    #[error("has an invalid container port `{0}`")]
    ContainerPort(String),
    #[error("has no container port")]
    NoContainerPort,
    #[error("maps `{host}` to `{container}`: the ranges differ in length")]
    Ranges { host: String, container: String },
    #[error("has an invalid protocol `{0}`")]
    Protocol(String),
}

/// The attributes of the long syntax, as texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LongPort<'a> {
    pub host_ip: Option<&'a str>,
    pub published: Option<&'a str>,
    pub target: Option<&'a str>,
    pub protocol: Option<&'a str>,
}

/// Returns the mappings of the short syntax `[[IP:][HOST]:]CONTAINER[/PROTOCOL]`, ranges expanded.
///
/// Host port 0 asks the engine for a free port, like none. (Compose Specification, "ports", short
/// syntax.)
pub fn parse_short(written: &str) -> Result<Vec<PortMapping>, PortError> {
    let (front, container) = match written.rsplit_once(':') {
        Some((front, container)) => (Some(front), container),
        None => (None, written),
    };
    let (ip, host) = match front.map(|front| (front, front.rsplit_once(':'))) {
        None => ("", ""),
        Some((host, None)) => ("", host),
        Some((_, Some((ip, host)))) => (ip, host),
    };
    let host_ip = host_address(ip)?;
    let mut parts = container.split('/');
    let container = parts.next().unwrap_or_default();
    let protocol = parts.next().filter(|protocol| !protocol.is_empty());
    if container.is_empty() {
        return Err(PortError::NoContainerPort);
    }
    let targets = range(container).ok_or_else(|| PortError::ContainerPort(container.to_owned()))?;
    let hosts = host_range(host)?;
    let protocol = protocol_named(protocol.unwrap_or("tcp"))?;
    let pool = targets.0 == targets.1;
    if let Some(hosts) = hosts.filter(|hosts| !pool && hosts.1 - hosts.0 != targets.1 - targets.0) {
        let _ = hosts;
        return Err(PortError::Ranges { host: host.to_owned(), container: container.to_owned() });
    }
    let mapping = |(offset, target): (u16, u16)| PortMapping {
        host_ip: host_ip.clone(),
        published: hosts.and_then(|(first, last)| {
            if pool { published(first, last) } else { published(first + offset, first + offset) }
        }),
        target,
        protocol,
    };
    Ok((0..).zip(targets.0..=targets.1).map(mapping).collect())
}

/// Returns the mapping of the long syntax. (Compose Specification, "ports", long syntax.)
pub fn parse_long(port: &LongPort<'_>) -> Result<PortMapping, PortError> {
    let target = port.target.ok_or(PortError::NoContainerPort)?;
    let number = target.parse().map_err(|_not_a_port| PortError::ContainerPort(target.to_owned()))?;
    let hosts = host_range(port.published.unwrap_or_default())?;
    let host_ip = port.host_ip.filter(|ip| !ip.is_empty());
    if let Some(ip) = host_ip.filter(|ip| !is_address(ip)) {
        return Err(PortError::HostAddress(ip.to_owned()));
    }
    Ok(PortMapping {
        host_ip: host_ip.map(str::to_owned),
        published: hosts.and_then(|(first, last)| published(first, last)),
        target: number,
        protocol: protocol_named(port.protocol.unwrap_or("tcp"))?,
    })
}

fn published(first: u16, last: u16) -> Option<PublishedPort> {
    match (first, last) {
        (0, 0) => None,
        (first, last) if first == last => Some(PublishedPort::One(first)),
        (first, last) => Some(PublishedPort::OneOf(first, last)),
    }
}

fn host_address(written: &str) -> Result<Option<String>, PortError> {
    let bracketed = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bracketed {
        Some(address) => address,
        None if written.contains([':', '[', ']']) => {
            return Err(PortError::HostAddress(written.to_owned()));
        }
        None => written,
    };
    if address.is_empty() {
        Ok(None)
    } else if is_address(address) {
        Ok(Some(address.to_owned()))
    } else {
        Err(PortError::HostAddress(written.to_owned()))
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok() || text.parse::<Ipv6Addr>().is_ok()
}

fn host_range(written: &str) -> Result<Option<(u16, u16)>, PortError> {
    if written.is_empty() {
        return Ok(None);
    }
    match range(written) {
        Some(range) => Ok(Some(range)),
        None => Err(PortError::HostPort(written.to_owned())),
    }
}

/// Reads `5432` or `5432-5434`.
fn range(written: &str) -> Option<(u16, u16)> {
    let (first, last) = match written.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(written)?, number(written)?),
    };
    (first <= last).then_some((first, last))
}

fn number(written: &str) -> Option<u16> {
    let digits = written.chars().all(|next| next.is_ascii_digit());
    written.parse().ok().filter(|_| digits)
}

fn protocol_named(written: &str) -> Result<Protocol, PortError> {
    match written.to_ascii_lowercase().as_str() {
        "tcp" => Ok(Protocol::Tcp),
        "udp" => Ok(Protocol::Udp),
        "sctp" => Ok(Protocol::Sctp),
        _ => Err(PortError::Protocol(written.to_owned())),
    }
}
