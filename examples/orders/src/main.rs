//! The Order example as a program of its own.

#[tokio::main]
async fn main() -> nexus::Exit {
    orders::load(nexus::App::new("orders")).verb(orders::import::verb()).run().await
}
