//! What steps do, said a second time: a payload is a set of places, and a step moves places.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

type Path = Vec<String>;

/// A payload of objects and single values, by the place of each.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Places(BTreeMap<Path, Node>);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Object,
    Single(Value),
}

/// A step does not fit.
#[derive(Debug, PartialEq)]
pub(crate) struct Misfit;

/// One step, as the generator draws it; places are paths from the top.
#[derive(Debug, Clone)]
pub(crate) enum Move {
    Rename(Path, Path),
    Copy(Path, Path),
    Remove(Path),
    Default(Path, Value),
    Set(Path, Value),
    Split(Path, Path, Path),
    Join(Path, Path, Path),
    Text(Path),
    Nest(Path, Path),
    Unnest(Path),
}

impl Places {
    pub(crate) fn of(payload: &Value) -> Self {
        let mut places = Self::default();
        if let Value::Object(members) = payload {
            places.fill(&[], members);
        }
        places
    }

    fn fill(&mut self, at: &[String], members: &Map<String, Value>) {
        for (name, value) in members {
            let path = [at, std::slice::from_ref(name)].concat();
            match value {
                Value::Object(inner) => {
                    self.0.insert(path.clone(), Node::Object);
                    self.fill(&path, inner);
                }
                single => _ = self.0.insert(path, Node::Single(single.clone())),
            }
        }
    }

    pub(crate) fn make(&mut self, step: &Move) -> Result<(), Misfit> {
        match step {
            Move::Rename(from, to) => match self.take(from)? {
                Some(part) => self.put(to, part),
                None => Ok(()),
            },
            Move::Copy(from, to) => match self.part(from)? {
                Some(part) => self.put(to, part),
                None => Ok(()),
            },
            Move::Remove(path) => self.take(path).map(drop),
            Move::Default(path, value) => match self.part(path)? {
                Some(_) => Ok(()),
                None => self.overwrite(path, value),
            },
            Move::Set(path, value) => self.overwrite(path, value),
            Move::Split(from, first, rest) => self.split(from, first, rest),
            Move::Join(one, other, to) => self.join(one, other, to),
            Move::Text(path) => match self.part(path)? {
                None => Ok(()),
                Some(part) => self.overwrite_kept(path, &part),
            },
            Move::Nest(path, under) => match self.take(path)? {
                Some(part) => self.put(&[under.as_slice(), &path[path.len() - 1..]].concat(), part),
                None => Ok(()),
            },
            Move::Unnest(path) => self.unnest(path),
        }
    }

    /// What is at a place and below it, with paths from there; `None` when nothing is, or something above is missing.
    fn part(&self, path: &[String]) -> Result<Option<BTreeMap<Path, Node>>, Misfit> {
        for end in 1..path.len() {
            match self.0.get(&path[..end]) {
                None | Some(Node::Single(Value::Null)) => return Ok(None),
                Some(Node::Object) => {}
                Some(Node::Single(_)) => return Err(Misfit),
            }
        }
        let part: BTreeMap<_, _> = self
            .0
            .iter()
            .filter(|(place, _)| place.starts_with(path))
            .map(|(place, node)| (place[path.len()..].to_vec(), node.clone()))
            .collect();
        Ok((!part.is_empty()).then_some(part))
    }

    fn take(&mut self, path: &[String]) -> Result<Option<BTreeMap<Path, Node>>, Misfit> {
        let part = self.part(path)?;
        self.0.retain(|place, _| part.is_none() || !place.starts_with(path));
        Ok(part)
    }

    fn make_way(&mut self, path: &[String]) -> Result<(), Misfit> {
        for end in 1..path.len() {
            match self.0.entry(path[..end].to_vec()).or_insert(Node::Object) {
                Node::Object => {}
                Node::Single(_) => return Err(Misfit),
            }
        }
        Ok(())
    }

    fn put(&mut self, path: &[String], part: BTreeMap<Path, Node>) -> Result<(), Misfit> {
        self.make_way(path)?;
        if self.0.contains_key(path) {
            return Err(Misfit);
        }
        self.0.extend(part.into_iter().map(|(place, node)| ([path, &place].concat(), node)));
        Ok(())
    }

    fn overwrite(&mut self, path: &[String], value: &Value) -> Result<(), Misfit> {
        self.make_way(path)?;
        self.0.retain(|place, _| !place.starts_with(path));
        self.0.insert(path.to_vec(), Node::Single(value.clone()));
        Ok(())
    }

    /// Writes a single value as text in its place.
    fn overwrite_kept(&mut self, path: &[String], part: &BTreeMap<Path, Node>) -> Result<(), Misfit> {
        match part.get(&Vec::new()) {
            Some(Node::Single(Value::Null)) => Ok(()),
            Some(Node::Single(single)) => self.overwrite(path, &Value::from(text(single)?)),
            _ => Err(Misfit),
        }
    }

    fn split(&mut self, from: &[String], first: &[String], rest: &[String]) -> Result<(), Misfit> {
        let part = self.take(from)?.and_then(|mut part| part.remove(&Vec::new()));
        match part {
            None | Some(Node::Single(Value::Null)) => Ok(()),
            Some(Node::Single(Value::String(whole))) => {
                let (one, other) = whole.split_once(' ').map_or((whole.as_str(), None), |(a, b)| (a, Some(b)));
                self.put(first, single(one))?;
                other.map_or(Ok(()), |other| self.put(rest, single(other)))
            }
            Some(_) => Err(Misfit),
        }
    }

    fn join(&mut self, one: &[String], other: &[String], to: &[String]) -> Result<(), Misfit> {
        let mut texts = Vec::new();
        for path in [one, other] {
            match self.take(path)?.and_then(|mut part| part.remove(&Vec::new())) {
                None | Some(Node::Single(Value::Null)) => {}
                Some(Node::Single(value)) => texts.push(text(&value)?),
                Some(Node::Object) => return Err(Misfit),
            }
        }
        if texts.is_empty() { Ok(()) } else { self.put(to, single(&texts.join(" "))) }
    }

    fn unnest(&mut self, path: &[String]) -> Result<(), Misfit> {
        let Some(part) = self.take(path)? else {
            return Ok(());
        };
        match part.get(&Vec::new()) {
            Some(Node::Single(Value::Null)) => return Ok(()),
            Some(Node::Object) => {}
            _ => return Err(Misfit),
        }
        let above = &path[..path.len() - 1];
        let members: Vec<String> = part.keys().filter(|place| place.len() == 1).map(|place| place[0].clone()).collect();
        for name in members {
            let below = part.iter().filter(|(place, _)| place.first() == Some(&name));
            let below = below.map(|(place, node)| (place[1..].to_vec(), node.clone())).collect();
            self.put(&[above, &[name]].concat(), below)?;
        }
        Ok(())
    }
}

fn single(text: &str) -> BTreeMap<Path, Node> {
    BTreeMap::from([(Vec::new(), Node::Single(Value::from(text)))])
}

fn text(value: &Value) -> Result<String, Misfit> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err(Misfit),
    }
}
