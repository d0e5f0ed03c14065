//! What the host has to offer: Java, memory, disk, limits.

use std::fs;
use std::time::Duration;

use kafsh_model::snapshot::HostFacts;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::units::show_duration;
use kafsh_model::{Error, Result};
use rustix::process::{Resource, getrlimit};

use super::Local;
use crate::runtime::files;

const KIB_PER_MIB: u64 = 1024;
const BYTES_PER_MIB: u64 = 1 << 20;

/// Linux's default, where `/proc` does not say.
const EPHEMERAL_PORTS: (u16, u16) = (32_768, 60_999);

/// That the host finds an address for a name, by its own resolver.
///
/// # Errors
/// `unknown-host`.
pub(super) async fn resolve(host: &str, timeout: Duration) -> Result<()> {
    let unknown = |why: String| Error::unavailable("unknown-host", format!("`{host}`: {why}"));
    // The port plays no part.
    let looked_up = tokio::time::timeout(timeout, tokio::net::lookup_host((host, 0))).await;
    match looked_up {
        Ok(Ok(mut addresses)) => match addresses.next() {
            Some(_) => Ok(()),
            None => Err(unknown("no address".to_string())),
        },
        Ok(Err(e)) => Err(unknown(e.to_string())),
        Err(_) => Err(unknown(format!("no answer within {}", show_duration(timeout)))),
    }
}

impl Local {
    pub(super) fn host(&self, spec: &ClusterSpec) -> Result<HostFacts> {
        let layout = self.layout(spec)?;
        let data = layout.data_root.as_ref().unwrap_or(&layout.folder);
        let java = self.distributions.java(&spec.kafka, self.java.as_deref());
        Ok(HostFacts {
            java: java.ok().map(|java| java.facts()),
            memory_available_mib: memory_available_mib(&read("/proc/meminfo")),
            disk_free_mib: rustix::fs::statvfs(files::existing_ancestor(data))
                .map_or(0, |fs| fs.f_bavail.saturating_mul(fs.f_frsize) / BYTES_PER_MIB),
            open_files_max: getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX),
            memory_maps_max: read("/proc/sys/vm/max_map_count").trim().parse().unwrap_or(0),
            ephemeral_ports: port_range(&read("/proc/sys/net/ipv4/ip_local_port_range")),
            busy_ports: self.busy_ports(spec)?,
            cpus: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
        })
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn memory_available_mib(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / KIB_PER_MIB
}

fn port_range(text: &str) -> (u16, u16) {
    let mut numbers = text.split_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(first)), Some(Ok(last))) => (first, last),
        _ => EPHEMERAL_PORTS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_proc() {
        assert_eq!(memory_available_mib("MemTotal: 1 kB\nMemAvailable:  2097152 kB\n"), 2048);
        assert_eq!(port_range("32768\t60999\n"), (32_768, 60_999));
        assert_eq!(port_range(""), EPHEMERAL_PORTS);
    }
}
