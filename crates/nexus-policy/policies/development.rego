# `nexus dev` listens on this machine only and asks for no credentials.
package nexus

allow if input.context.environment == "dev"
