//! TLS as libpq's `sslmode` asks for it (PostgreSQL documentation, §34.19 "SSL Support").

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Returns the mode that tokio-postgres knows, and whether the certificate is to be verified.
/// Unknown words mean `prefer`, libpq's default.
pub fn mode(sslmode: Option<&str>) -> (SslMode, bool) {
    match sslmode {
        Some("disable") => (SslMode::Disable, false),
        Some("require") => (SslMode::Require, false),
        Some("verify-ca" | "verify-full") => (SslMode::Require, true),
        _ => (SslMode::Prefer, false),
    }
}

/// Returns a connector. Without verification it accepts any certificate, as libpq's `prefer` and `require` do; with it, those
/// that the system trusts, or those of the file that `sslrootcert` names.
///
/// # Errors
/// Why the file cannot be used, in words.
pub fn connector(verify: bool, sslrootcert: Option<&str>) -> Result<MakeRustlsConnect, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let trusted = if verify { Some(trusted(sslrootcert, &provider)?) } else { None };
    let verifier = Arc::new(Verifier { provider, trusted });
    let config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn trusted(sslrootcert: Option<&str>, provider: &Arc<CryptoProvider>) -> Result<Trusted, String> {
    let named = sslrootcert.filter(|path| *path != "system").map(certificates).transpose()?;
    let mut store = RootCertStore::empty();
    let all = named.clone().unwrap_or_else(|| rustls_native_certs::load_native_certs().certs);
    let (_added, _ignored) = store.add_parsable_certificates(all);
    let roots = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider)).build();
    Ok(Trusted { roots: roots.map_err(|error| error.to_string())?, named: named.unwrap_or_default() })
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes =
        super::files::read_bytes(std::path::Path::new(path)).map_err(|why| format!("sslrootcert `{path}`: {why}"))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    found.map_err(|error| format!("sslrootcert `{path}`: {error}"))
}

/// Checks that the server holds its key, and the certificate as far as it is asked to.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// Nothing: any certificate is good.
    trusted: Option<Trusted>,
}

/// What vouches for a certificate: the roots; and the very certificates that were named as roots, as OpenSSL, and with it
/// libpq, takes one that signed itself for its own root.
#[derive(Debug)]
struct Trusted {
    roots: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.trusted {
            Some(trusted) if !trusted.named.iter().any(|named| named == end_entity) => {
                trusted.roots.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            Some(_) | None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
