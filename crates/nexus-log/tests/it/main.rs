//! The log as its users see it, and as crashes and damage find it.

#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod history;
#[cfg(test)]
mod indexes;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod prefix;
#[cfg(test)]
mod rewriting;
#[cfg(test)]
mod scans;
#[cfg(test)]
mod segments;
#[cfg(test)]
mod support;
#[cfg(test)]
mod verification;
