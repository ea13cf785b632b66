//! A registry that answers what a test says.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::State, http::StatusCode, response::IntoResponse};
use nexus_registry_confluent::{ConfluentSchemaRegistry, RemoteOptions};
use nexus_schema::JsonSchemaRegistry;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// What it answers next.
#[derive(Debug, Clone)]
pub(crate) enum Says {
    /// Version and schema of whatever is asked for.
    Version(u32, Value),
    /// This very body.
    Text(u16, String),
    /// Nothing for longer than anybody waits.
    Nothing,
    /// A body without end.
    Endless,
}

#[derive(Clone)]
pub(crate) struct Fake {
    says: Arc<Mutex<Says>>,
    asked: Arc<AtomicUsize>,
    address: SocketAddr,
    serving: Arc<JoinHandle<()>>,
}

impl Fake {
    pub(crate) async fn start(says: Says) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (says, asked) = (Arc::new(Mutex::new(says)), Arc::new(AtomicUsize::new(0)));
        let app = Router::new().fallback(answer).with_state((Arc::clone(&says), Arc::clone(&asked)));
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { says, asked, address, serving: Arc::new(serving) }
    }

    pub(crate) fn says(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Goes away.
    pub(crate) fn stop(&self) {
        self.serving.abort();
    }

    /// Limits that a test can wait for.
    pub(crate) fn options(&self) -> RemoteOptions {
        RemoteOptions {
            timeout: Duration::from_millis(300),
            backoff: Duration::from_millis(5),
            lifetime: Duration::from_millis(50),
            absent: Duration::from_mins(1),
            pause: Duration::from_millis(5),
            ..RemoteOptions::new(format!("http://{}", self.address))
        }
    }

    pub(crate) fn registry(&self, options: RemoteOptions) -> ConfluentSchemaRegistry {
        ConfluentSchemaRegistry::over(Arc::new(JsonSchemaRegistry::new()), options).unwrap()
    }
}

/// An answer of a registry.
pub(crate) fn version(version: u32, schema: &Value) -> String {
    json!({ "subject": "any", "id": version, "version": version, "schemaType": "JSON", "schema": schema.to_string() })
        .to_string()
}

async fn answer(State((says, asked)): State<(Arc<Mutex<Says>>, Arc<AtomicUsize>)>) -> axum::response::Response {
    asked.fetch_add(1, Ordering::SeqCst);
    let says = says.lock().unwrap().clone();
    match says {
        Says::Version(number, schema) => version(number, &schema).into_response(),
        Says::Text(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Says::Nothing => std::future::pending().await,
        Says::Endless => {
            let chunk = axum::body::Bytes::from(vec![b' '; 64 * 1024]);
            let body = futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
            axum::body::Body::from_stream(body).into_response()
        }
    }
}
