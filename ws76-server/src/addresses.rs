//! How many connections there are from each address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts connections by address. What an IPv6 user is given is a /64, which counts as one.
#[derive(Debug, Default)]
pub(crate) struct Addresses(Mutex<HashMap<IpAddr, usize>>);

impl Addresses {
    /// Takes a place among those of an address, if there are fewer than `max`.
    pub(crate) fn enter(self: &Arc<Self>, addr: IpAddr, max: usize) -> Option<AddressPlace> {
        let addr = network(addr);
        let mut counts = self.lock();
        let count = counts.entry(addr).or_default();
        if *count >= max {
            if *count == 0 {
                counts.remove(&addr);
            }
            return None;
        }
        *count += 1;
        drop(counts);
        Some(AddressPlace {
            addr,
            addresses: Arc::clone(self),
        })
    }

    // Nothing panics while this lock is held, so poison means nothing.
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn network(addr: IpAddr) -> IpAddr {
    match addr.to_canonical() {
        IpAddr::V6(addr) => IpAddr::V6(Ipv6Addr::from_bits(addr.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

/// A place among the connections of an address, until it is dropped.
#[derive(Debug)]
pub(crate) struct AddressPlace {
    addr: IpAddr,
    addresses: Arc<Addresses>,
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut counts = self.addresses.lock();
        if let Some(count) = counts.get_mut(&self.addr) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.addr);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_is_counted_until_it_is_dropped() {
        let addresses = Arc::new(Addresses::default());
        let addr = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = addresses.enter(addr("10.0.0.1"), 2).unwrap();
        let second = addresses.enter(addr("::ffff:10.0.0.1"), 2).unwrap();
        assert!(addresses.enter(addr("10.0.0.1"), 2).is_none());
        assert!(addresses.enter(addr("10.0.0.2"), 2).is_some());
        drop(first);
        assert!(addresses.enter(addr("10.0.0.1"), 2).is_some());
        drop(second);
        assert!(addresses.enter(addr("10.0.0.1"), 0).is_none());
        assert!(
            addresses.lock().is_empty(),
            "nothing stays of those that left"
        );
    }

    #[test]
    fn ipv6_addresses_of_one_64_are_one() {
        let addresses = Arc::new(Addresses::default());
        let addr = |text: &str| text.parse::<IpAddr>().unwrap();
        let _place = addresses.enter(addr("2001:db8:1:2::1"), 1).unwrap();
        assert!(addresses.enter(addr("2001:db8:1:2:ffff::2"), 1).is_none());
        assert!(addresses.enter(addr("2001:db8:1:3::1"), 1).is_some());
    }
}
