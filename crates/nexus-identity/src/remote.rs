use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use reqwest::{Client, Url, redirect};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::key_set::KeySet;

/// Where a key set is fetched, and how often.
#[derive(Debug, Clone)]
pub struct JwksAddress {
    url: Url,
    /// Time between two fetches when nothing asks for one.
    pub refresh: Duration,
    /// Least time between two fetches, however many tokens name unknown keys.
    pub min_interval: Duration,
    /// Longest time of one fetch.
    pub timeout: Duration,
    /// Largest answer in bytes.
    pub max_bytes: usize,
}

/// Why an address is not fetched from, or gave no keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The text is no address of a key set.
    #[error("{0}")]
    Unusable(&'static str),
    /// The server did not answer as it should.
    #[error("{0}")]
    Fetch(String),
    /// It answered something else than keys.
    #[error(transparent)]
    Keys(#[from] crate::KeyError),
}

impl JwksAddress {
    /// An address with defaults: every ten minutes, at most every 30 seconds, ten seconds and 256 KiB for one fetch.
    ///
    /// # Errors
    /// When it is not `https`, unless the host is this machine: whoever can change the answer can sign tokens.
    pub fn new(url: &str) -> Result<Self, AddressError> {
        let url: Url = url.parse().map_err(|_| AddressError::Unusable("this is no URL"))?;
        let host = url.host_str().unwrap_or_default();
        let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        if !(url.scheme() == "https" || url.scheme() == "http" && local) {
            return Err(AddressError::Unusable(
                "keys are fetched over https only (over http from this machine): who can change them can sign tokens",
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Unusable("credentials do not belong in a URL"));
        }
        Ok(Self {
            url,
            refresh: Duration::from_mins(10),
            min_interval: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
            max_bytes: 256 * 1024,
        })
    }
}

/// The keys at an address: fetched in the background, the last good ones kept.
#[derive(Debug)]
pub(crate) struct RemoteKeys {
    address: JwksAddress,
    client: Client,
    current: RwLock<Option<Arc<KeySet>>>,
    wanted: Notify,
}

impl RemoteKeys {
    /// Fetches the keys once, and then keeps them fresh until `stop`. A server that does not answer at first is asked
    /// again; until then its tokens are refused.
    ///
    /// # Errors
    /// When no client can be made for the address.
    pub(crate) async fn follow(address: JwksAddress, stop: CancellationToken) -> Result<Arc<Self>, AddressError> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(address.timeout)
            .timeout(address.timeout)
            .build()
            .map_err(|error| AddressError::Fetch(error.to_string()))?;
        let keys = Arc::new(Self { address, client, current: RwLock::new(None), wanted: Notify::new() });
        let began = Instant::now();
        let fetched = keys.refresh().await;
        let keeper = Arc::clone(&keys);
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = keeper.keep_fresh(began, fetched) => {}
            }
        });
        Ok(keys)
    }

    /// The newest keys that were fetched; `None` before the first ones.
    pub(crate) fn current(&self) -> Option<Arc<KeySet>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says that a token named a key that is not there. Fetching is up to the keeper, at its own pace.
    pub(crate) fn look_again(&self) {
        self.wanted.notify_one();
    }

    /// Fetches again and again: when it is time, or when somebody wants it, but never at a higher pace than allowed.
    async fn keep_fresh(&self, mut began: Instant, mut fetched: bool) {
        loop {
            let pause = if fetched { self.address.refresh } else { self.address.min_interval };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.wanted.notified() => {}
            }
            sleep_until(began + self.address.min_interval).await;
            began = Instant::now();
            fetched = self.refresh().await;
        }
    }

    /// Fetches once; false when that failed and the keys stay as they are.
    async fn refresh(&self) -> bool {
        let url = &self.address.url;
        match self.fetch().await {
            Ok(keys) => {
                tracing::debug!(%url, keys = keys.len(), "fetched the keys of an issuer");
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
                true
            }
            Err(error) => {
                let kept = self.current().map_or(0, |keys| keys.len());
                tracing::warn!(%url, %error, kept, "the keys of an issuer could not be fetched");
                false
            }
        }
    }

    async fn fetch(&self) -> Result<KeySet, AddressError> {
        let failed = |error: reqwest::Error| AddressError::Fetch(error.without_url().to_string());
        let mut response = self.client.get(self.address.url.clone()).send().await.map_err(failed)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(AddressError::Fetch(format!("the answer has status {}", response.status().as_u16())));
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if document.len() + chunk.len() > self.address.max_bytes {
                return Err(AddressError::Fetch(format!("the answer has more than {} bytes", self.address.max_bytes)));
            }
            document.extend_from_slice(&chunk);
        }
        Ok(KeySet::from_jwks(&document)?)
    }
}
