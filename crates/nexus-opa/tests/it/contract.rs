use std::sync::Arc;

use nexus_core::ports::PolicyServer;
use nexus_opa::{OpaPolicyServer, WhenUnreachable};
use nexus_testkit::contract::PolicyServerFixture;
use serde_json::{Value, json};

use crate::fake::{Does, Fake, server};

struct Opa {
    fake: Fake,
    server: Arc<OpaPolicyServer>,
}

impl PolicyServerFixture for Opa {
    async fn start() -> Self {
        let fake = Fake::start(Does::Answers(json!({}))).await;
        let mut options = fake.options();
        options.when_unreachable = WhenUnreachable::Deny;
        Self { server: Arc::new(server(options)), fake }
    }

    fn server(&self) -> Arc<dyn PolicyServer> {
        self.server.clone()
    }

    fn answers(&self, package: Option<Value>, revision: &str) {
        let mut answer = json!({ "provenance": { "bundles": { "rules": { "revision": revision } } } });
        if let Some(package) = package {
            answer["result"] = package;
        }
        self.fake.does(Does::Answers(answer));
    }

    async fn goes_away(&mut self) {
        self.fake.go_away().await;
    }

    fn questions(&self) -> usize {
        self.fake.questions().len()
    }
}

nexus_testkit::policy_server_contract!(Opa);
