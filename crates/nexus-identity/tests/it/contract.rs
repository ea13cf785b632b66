use std::sync::Arc;

use nexus_core::{Timestamp, ports::Authenticator};
use nexus_identity::Algorithm;
use nexus_testkit::contract::AuthenticatorFixture;
use serde_json::json;

use crate::support::{STRANGER, assemble, claims_with, header, issuer, signed, trusting};

/// An issuer that signs with the algorithm of this place in the list. Its configured keys cannot be taken back; see
/// `remote` for those that can.
struct Signing<const ALGORITHM: usize>(Arc<dyn Authenticator>);

impl<const ALGORITHM: usize> AuthenticatorFixture for Signing<ALGORITHM> {
    fn start() -> Self {
        Self(Arc::new(trusting(issuer())))
    }

    fn authenticator(&self) -> Arc<dyn Authenticator> {
        self.0.clone()
    }

    fn issue(&self, roles: &[&str], until: Timestamp) -> Option<String> {
        let seconds = until.as_micros() / 1_000_000;
        Some(signed(Algorithm::ALL[ALGORITHM], &claims_with(json!({ "exp": seconds, "roles": roles }))))
    }

    fn forge(&self, genuine: &str) -> String {
        let algorithm = Algorithm::ALL[ALGORITHM];
        let claims = genuine.split('.').nth(1).unwrap();
        let header = assemble(&header(algorithm).to_string(), "", |_| Vec::new());
        let message = format!("{}.{claims}", header.split('.').next().unwrap());
        let signature = match algorithm {
            Algorithm::Hs256 => crate::support::hmac_of(b"another secret of 32 bytes or more", message.as_bytes()),
            _ => STRANGER.sign(algorithm, message.as_bytes()),
        };
        format!("{message}.{}", crate::support::base64(&signature))
    }

    fn withdraw(&self, _: &str) -> bool {
        false
    }
}

mod rs256 {
    nexus_testkit::authenticator_contract!(super::Signing<0>);
}

mod es256 {
    nexus_testkit::authenticator_contract!(super::Signing<1>);
}

mod eddsa {
    nexus_testkit::authenticator_contract!(super::Signing<2>);
}

mod hs256 {
    nexus_testkit::authenticator_contract!(super::Signing<3>);
}
