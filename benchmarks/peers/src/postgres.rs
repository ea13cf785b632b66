use bench_report::{Fallible, Order};
use tokio_postgres::{NoTls, Statement};

use crate::client::{Answer, Client};

const TABLE: &str = "
    CREATE TABLE events (
        position bigserial PRIMARY KEY, id uuid NOT NULL UNIQUE, stream text NOT NULL, version bigint NOT NULL,
        type text NOT NULL, data jsonb NOT NULL, UNIQUE (stream, version));";
const ONE: &str = "INSERT INTO events (id, stream, version, type, data) VALUES ($1::text::uuid, $2, $3, 'OrderPlaced', $4::text::jsonb)";
const MANY: &str = "
    INSERT INTO events (id, stream, version, type, data)
    SELECT id::uuid, stream, version, 'OrderPlaced', data::jsonb
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) AS t (id, stream, version, data)";

/// PostgreSQL: a table with unique (stream, version) and unique ids; a batch is one statement.
pub(crate) struct Postgres {
    client: tokio_postgres::Client,
    one: Statement,
    many: Statement,
}

async fn client(address: &str) -> Fallible<tokio_postgres::Client> {
    let (host, port) = address.split_once(':').ok_or("an address has a port")?;
    let config = format!("host={host} port={port} user=bench dbname=postgres");
    let (client, connection) = tokio_postgres::connect(&config, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Makes the table anew.
pub(crate) async fn prepare(address: &str) -> Fallible<()> {
    let client = client(address).await?;
    Ok(client.batch_execute(&format!("DROP TABLE IF EXISTS events; {TABLE} CHECKPOINT;")).await?)
}

impl Postgres {
    pub(crate) async fn connect(address: &str) -> Fallible<Self> {
        let client = client(address).await?;
        let (one, many) = (client.prepare(ONE).await?, client.prepare(MANY).await?);
        Ok(Self { client, one, many })
    }

    async fn insert(&self, orders: Vec<Order>) -> Fallible<()> {
        let ids: Vec<String> = orders.iter().map(|order| order.id.to_string()).collect();
        let versions = orders.iter().map(|order| i64::try_from(order.version)).collect::<Result<Vec<_>, _>>()?;
        let streams: Vec<&str> = orders.iter().map(|order| order.stream.as_str()).collect();
        let data: Vec<&str> = orders.iter().map(|order| &*order.payload).collect();
        let stored = match (ids.as_slice(), streams.as_slice(), versions.as_slice(), data.as_slice()) {
            ([id], [stream], [version], [data]) => self.client.execute(&self.one, &[id, stream, version, data]).await?,
            _ => self.client.execute(&self.many, &[&ids, &streams, &versions, &data]).await?,
        };
        if stored == orders.len() as u64 { Ok(()) } else { Err(format!("{stored} rows were stored").into()) }
    }
}

impl Client for Postgres {
    fn append(&self, orders: Vec<Order>) -> Answer<'_, ()> {
        Box::pin(self.insert(orders))
    }
}
