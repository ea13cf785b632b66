//! How often one client may ask, by the kind of question.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, MonotonicClock},
    middleware::StateInformationMiddleware,
    state::keyed::HashMapStateStore,
};
use nexus_core::Text;

use crate::problem::{Code, Problem};

/// Requests that count against the same limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateClass {
    /// Reading rows of read models.
    Queries,
    /// Full-text search.
    Search,
    /// Reading the past.
    Temporal,
}

impl RateClass {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Queries, Self::Search, Self::Temporal];

    /// The name in the `RateLimit` headers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queries => "queries",
            Self::Search => "search",
            Self::Temporal => "temporal",
        }
    }
}

/// How many requests a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests in a minute, all of which may come at once; `None` does not limit.
    pub per_minute: Option<NonZeroU32>,
}

/// The limits of all classes, for each client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// For [`RateClass::Queries`].
    pub queries: RateLimit,
    /// For [`RateClass::Search`].
    pub search: RateLimit,
    /// For [`RateClass::Temporal`].
    pub temporal: RateLimit,
}

impl RateLimits {
    /// No limits.
    pub const NONE: Self = {
        let none = RateLimit { per_minute: None };
        Self { queries: none, search: none, temporal: none }
    };

    /// The limit of a class.
    #[must_use]
    pub fn of(&self, class: RateClass) -> RateLimit {
        match class {
            RateClass::Queries => self.queries,
            RateClass::Search => self.search,
            RateClass::Temporal => self.temporal,
        }
    }
}

impl Default for RateLimits {
    /// 1000 queries, 100 searches and 10 looks into the past a minute.
    fn default() -> Self {
        let limit = |per_minute| RateLimit { per_minute: NonZeroU32::new(per_minute) };
        Self { queries: limit(1000), search: limit(100), temporal: limit(10) }
    }
}

/// Who is counted. Never anything a client could make up for itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// An actor that proved who it is.
    Actor(Text),
    /// The address of the connection; of an IPv6 address the network of 64 bits that one subscriber is given.
    Address(IpAddr),
    /// No address is known: requests without a connection.
    Unknown,
    /// All who came when there were too many to count each.
    Crowd,
}

impl Client {
    /// The client behind an address.
    pub(crate) fn at(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

type Counters = RateLimiter<Client, HashMapStateStore<Client>, MonotonicClock, StateInformationMiddleware>;

/// Counts the requests of every client against the limits (GCRA, as in the `governor` crate).
pub(crate) struct Limiter {
    classes: Vec<(RateClass, NonZeroU32, Counters)>,
    swept: Mutex<Instant>,
}

/// Where a client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    class: RateClass,
    per_minute: NonZeroU32,
    /// Requests it may send at once now.
    remaining: u32,
    /// How long until the next one, when it may send none.
    wait: Option<Duration>,
}

impl Limiter {
    /// Clients counted one by one in each class. A counter takes some 50 bytes.
    const MAX_CLIENTS: usize = 100_000;
    /// Shortest time between two searches for counters that are full again.
    const SWEEP_EVERY: Duration = Duration::from_secs(1);

    pub(crate) fn new(limits: &RateLimits) -> Self {
        let class = |class| {
            let per_minute = limits.of(class).per_minute?;
            let quota = Quota::per_minute(per_minute);
            Some((class, per_minute, Counters::new(quota, HashMapStateStore::default(), MonotonicClock)))
        };
        Self { classes: RateClass::ALL.into_iter().filter_map(class).collect(), swept: Mutex::new(Instant::now()) }
    }

    /// Counts one request. `None` when the class has no limit.
    pub(crate) fn count(&self, class: RateClass, client: Client) -> Option<Standing> {
        let (_, per_minute, counters) = self.classes.iter().find(|(known, ..)| *known == class)?;
        let client = self.counted(counters, client);
        let standing = |remaining, wait| Standing { class, per_minute: *per_minute, remaining, wait };
        Some(match counters.check_key(&client) {
            Ok(state) => standing(state.remaining_burst_capacity(), None),
            Err(refused) => standing(0, Some(refused.wait_time_from(MonotonicClock.now()))),
        })
    }

    /// The client as it is counted: one among the crowd when there is no room for more of those that come and go.
    fn counted(&self, counters: &Counters, client: Client) -> Client {
        if counters.len() < Self::MAX_CLIENTS {
            return client;
        }
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.elapsed() >= Self::SWEEP_EVERY {
            counters.retain_recent();
            *swept = Instant::now();
        }
        match client {
            Client::Address(_) if counters.len() >= Self::MAX_CLIENTS => Client::Crowd,
            client => client,
        }
    }
}

impl Standing {
    /// Whether the request goes on.
    pub(crate) fn goes_on(&self) -> bool {
        self.wait.is_none()
    }

    /// Whole seconds after which the next request goes on.
    pub(crate) fn retry_after(&self) -> u32 {
        let wait = self.wait.unwrap_or_default();
        u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
    }

    /// Says it, as the IETF draft "RateLimit header fields for HTTP" writes it.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let (class, quota) = (self.class.as_str(), self.per_minute);
        // The counter refills steadily: one request every so many seconds.
        let full_in = u64::from(quota.get() - self.remaining.min(quota.get())) * 60 / u64::from(quota.get());
        let reset = if self.goes_on() { full_in } else { u64::from(self.retry_after()) };
        let mut tell = |name, text: String| {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        tell("ratelimit-policy", format!("\"{class}\";q={quota};w=60"));
        tell("ratelimit", format!("\"{class}\";r={};t={reset}", self.remaining));
    }

    /// What the client is told when it has to wait.
    pub(crate) fn problem(&self) -> Problem {
        let class = self.class.as_str();
        let detail = format!(
            "this client sent more than {} requests of the class `{class}` in a minute; the next one goes through in \
             {} s",
            self.per_minute,
            self.retry_after()
        );
        Problem::new(Code::RateLimited, detail).with_retry_after(self.retry_after())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(per_minute: u32) -> RateLimits {
        RateLimits { queries: RateLimit { per_minute: NonZeroU32::new(per_minute) }, ..RateLimits::NONE }
    }

    #[test]
    fn every_client_has_its_own_count() {
        let limiter = Limiter::new(&limits(2));
        let ann = || Client::Actor("ann".into());
        let count = |client| limiter.count(RateClass::Queries, client).unwrap();
        assert_eq!((count(ann()).remaining, count(ann()).remaining), (1, 0));
        let refused = count(ann());
        assert!(!refused.goes_on() && (1..=30).contains(&refused.retry_after()), "{refused:?}");
        assert!(count(Client::Actor("bob".into())).goes_on());
        assert!(count(Client::at([127, 0, 0, 1].into())).goes_on());
    }

    #[test]
    fn a_class_without_a_limit_is_not_counted() {
        assert_eq!(Limiter::new(&limits(2)).count(RateClass::Temporal, Client::Unknown), None);
    }

    #[test]
    fn an_ipv6_subscriber_is_one_client_however_many_addresses_it_uses() {
        let client = |text: &str| Client::at(text.parse().unwrap());
        assert_eq!(client("2001:db8:0:1::1"), client("2001:db8:0:1:ffff::9"));
        assert_ne!(client("2001:db8:0:1::1"), client("2001:db8:0:2::1"));
        assert_eq!(client("::ffff:10.0.0.1"), client("10.0.0.1"));
        assert_ne!(client("10.0.0.1"), client("10.0.0.2"));
    }

    #[test]
    fn more_clients_than_there_is_room_for_share_one_count_and_actors_keep_theirs() {
        let limiter = Limiter::new(&limits(1));
        let address = |n: u32| Client::at(std::net::Ipv4Addr::from(n).into());
        let room = u32::try_from(Limiter::MAX_CLIENTS).unwrap();
        let count = |client| limiter.count(RateClass::Queries, client).unwrap().goes_on();
        assert!((0..room).all(|n| count(address(n))));
        assert!(count(address(room)), "the first of the crowd");
        assert!(!count(address(room + 1)), "the crowd has one count");
        assert!(count(Client::Actor("ann".into())));
        assert!(limiter.classes.iter().all(|(_, _, counters)| counters.len() <= Limiter::MAX_CLIENTS + 2));
    }

    #[test]
    fn headers_say_the_limit_and_where_the_client_stands() {
        let limiter = Limiter::new(&limits(60));
        let mut headers = HeaderMap::new();
        limiter.count(RateClass::Queries, Client::Unknown).unwrap().tell(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"queries\";q=60;w=60");
        assert_eq!(headers["ratelimit"], "\"queries\";r=59;t=1");
    }
}
