//! `log`: signed heads and proofs from a server, and their check without one.

use std::path::Path;

use nexus_api::dto::{ConsistencyProofDto, InclusionProofDto, InvalidProof, LogKeyDto, TreeHeadDto};
use nexus_core::ports::{ConsistencyProof, InclusionProof, LogKey, SignedTreeHead};
use nexus_log::{check_consistency, check_head, check_inclusion, checkpoint, key_id};
use serde_json::{Value, json};

use crate::{
    Client, Failure,
    cli::{
        Output,
        args::{LogCheck, LogProve, LogVerb},
    },
};

/// What can be done about a file that is no head and no proof.
const EXPECTED: &str = "give what `log head -o json` or `log prove -o json` printed, or the answer of /api/log/head";

pub(crate) async fn run(
    verb: LogVerb,
    client: impl FnOnce() -> Result<Client, Failure>,
    output: Output,
) -> Result<(), Failure> {
    match verb {
        LogVerb::Head { at } => head(at, &client()?, output).await,
        LogVerb::Prove(prove) => self::prove(&prove, &client()?, output).await,
        LogVerb::Check(check) => self::check(&check, output),
    }
}

async fn head(at: Option<u64>, client: &Client, output: Output) -> Result<(), Failure> {
    let query: Vec<_> = at.map(|at| ("at", at.to_string())).into_iter().collect();
    let head = client.get("/api/log/head", &query).await?;
    let key = client.get("/api/log/key", &[]).await?;
    let (signed, key) = (signed_head(&head)?, log_key(&key)?);
    check_head(&signed, &key.public_key).map_err(Failure::refused)?;
    output.value(&head, |_| checkpoint(&signed, &key.public_key).trim_end().to_owned())
}

async fn prove(prove: &LogProve, client: &Client, output: Output) -> Result<(), Failure> {
    let at: Vec<_> = prove.at.map(|at| ("at", at.to_string())).into_iter().collect();
    let head = client.get("/api/log/head", &at).await?;
    let key = client.get("/api/log/key", &[]).await?;
    let size = signed_head(&head)?.head.tree_size;
    let query = [("position", prove.position.to_string()), ("treeSize", size.to_string())];
    let inclusion = client.get("/api/log/proofs/inclusion", &query).await?;
    let mut proof = json!({ "key": key, "head": head, "inclusion": inclusion });
    if let Some(file) = &prove.since {
        let document = read_json(file)?;
        let earlier = document.get("head").unwrap_or(&document);
        let from = signed_head(earlier)?.head.tree_size;
        let query = [("from", from.to_string()), ("to", size.to_string())];
        let consistency = client.get("/api/log/proofs/consistency", &query).await?;
        if let Some(members) = proof.as_object_mut() {
            members.insert("since".to_owned(), earlier.clone());
            members.insert("consistency".to_owned(), consistency);
        }
    }
    let facts = proved(&proof)?;
    output.value(&proof, |_| facts.join("\n"))
}

fn check(check: &LogCheck, output: Output) -> Result<(), Failure> {
    let proof = read_json(&check.proof)?;
    let facts = proved(&proof)?;
    let key = member::<LogKeyDto, LogKey>(&proof, "key")?;
    if let Some(trusted) = &check.key
        && *trusted != key.key_id.to_string()
    {
        return Err(Failure::refused(format_args!("the proof is signed with {}, not with {trusted}", key.key_id)));
    }
    let document = json!({ "proved": true, "keyId": key.key_id.to_string(), "facts": facts });
    output.value(&document, |_| facts.join("\n"))
}

/// Checks everything in a proof and says what it shows.
fn proved(proof: &Value) -> Result<Vec<String>, Failure> {
    let key = member::<LogKeyDto, LogKey>(proof, "key")?;
    let signed = member::<TreeHeadDto, SignedTreeHead>(proof, "head")?;
    if key_id(&key.public_key) != key.key_id {
        return Err(Failure::refused("the key in the proof does not have the id that it claims"));
    }
    check_head(&signed, &key.public_key).map_err(Failure::refused)?;
    let size = signed.head.tree_size;
    let mut facts =
        vec![format!("the head over {size} events of log {} is signed with key {}", key.log_id, key.key_id)];
    let inclusion = member::<InclusionProofDto, InclusionProof>(proof, "inclusion")?;
    check_inclusion(&inclusion, &signed.head).map_err(Failure::refused)?;
    facts.push(format!("the event at position {} has the chain hash {}", inclusion.position.get(), inclusion.hash));
    if proof.get("since").is_some() {
        let earlier = member::<TreeHeadDto, SignedTreeHead>(proof, "since")?;
        let consistency = member::<ConsistencyProofDto, ConsistencyProof>(proof, "consistency")?;
        check_consistency(&consistency, &earlier.head, &signed.head).map_err(Failure::refused)?;
        facts.push(format!("the first {} events are those of the earlier head", earlier.head.tree_size));
    }
    Ok(facts)
}

/// The heads in a file: one head, a list of them, or a proof.
pub(crate) fn read_heads(file: &Path) -> Result<Vec<SignedTreeHead>, Failure> {
    let document = read_json(file)?;
    let list = document.get("heads").unwrap_or(&document).as_array().cloned();
    let heads = list.unwrap_or_else(|| vec![document.get("head").unwrap_or(&document).clone()]);
    heads.iter().map(signed_head).collect()
}

fn read_json(file: &Path) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format_args!("{} cannot be read: {error}", file.display())))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format_args!("{} is not JSON: {error}", file.display())).hint(EXPECTED))
}

fn signed_head(document: &Value) -> Result<SignedTreeHead, Failure> {
    parsed::<TreeHeadDto, SignedTreeHead>(document, "a tree head")
}

fn log_key(document: &Value) -> Result<LogKey, Failure> {
    parsed::<LogKeyDto, LogKey>(document, "a key")
}

fn member<D, T>(document: &Value, name: &'static str) -> Result<T, Failure>
where
    D: serde::de::DeserializeOwned,
    T: for<'a> TryFrom<&'a D, Error = InvalidProof>,
{
    let found = document.get(name);
    let found = found.ok_or_else(|| Failure::usage(format_args!("the proof has no `{name}`")).hint(EXPECTED))?;
    parsed::<D, T>(found, name)
}

fn parsed<D, T>(document: &Value, what: &str) -> Result<T, Failure>
where
    D: serde::de::DeserializeOwned,
    T: for<'a> TryFrom<&'a D, Error = InvalidProof>,
{
    let refused =
        |error: &dyn std::fmt::Display| Failure::usage(format_args!("this is not {what}: {error}")).hint(EXPECTED);
    let dto: D = serde_json::from_value(document.clone()).map_err(|error| refused(&error))?;
    T::try_from(&dto).map_err(|error| refused(&error))
}
