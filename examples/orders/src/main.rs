//! The Order example as a program of its own.

#[tokio::main]
async fn main() -> nexus::Exit {
    let app = orders::load(nexus::App::new("orders"));
    app.verb(orders::import::verb()).run().await
}
