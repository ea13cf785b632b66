//! The stock `nexus` binary: an application without a domain of its own, with the Order domain as its sample.

/// Requests allocate much and briefly, on all threads, which this allocator is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> nexus::Exit {
    nexus::App::new("nexus").sample("orders", orders::load).verb(orders::import::verb()).run().await
}
