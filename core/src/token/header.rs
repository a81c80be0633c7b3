//! The first part of a token: which key signed it, and how.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::certificate::Chain;
use super::key::{KidForm, SigningKey};

/// The JOSE header of every token of one key (RFC 7515 section 4), encoded once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header(String);

impl Header {
    /// The header that names `key` by its id, and, with a `chain`, carries the certificates as `x5c`: a registry that
    /// sees those looks for no id.
    #[must_use]
    pub fn new(key: &SigningKey, form: KidForm, chain: Option<&Chain>) -> Self {
        let (algorithm, kid) = (key.algorithm(), key.kid(form));
        // Nothing in it needs an escape: the id is base32 or base64url, the certificates are base64.
        let mut json = format!(r#"{{"typ":"JWT","alg":"{algorithm}","kid":"{kid}""#);
        for (i, der) in chain.iter().flat_map(|chain| chain.der()).enumerate() {
            json.push_str(if i == 0 { r#","x5c":[""# } else { r#"",""# });
            // Plain base64, not base64url (RFC 7515 section 4.1.6).
            STANDARD.encode_string(der, &mut json);
        }
        json.push_str(if chain.is_some() { r#""]}"# } else { "}" });
        Self(URL_SAFE_NO_PAD.encode(json))
    }

    /// The header as it stands in a token: base64url, without the dot behind it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;
    use super::*;

    fn json(header: &Header) -> String {
        String::from_utf8(URL_SAFE_NO_PAD.decode(header.as_str()).unwrap()).unwrap()
    }

    #[test]
    fn the_header_says_type_algorithm_and_key() {
        let header = Header::new(&testdata::key("p256"), KidForm::Libtrust, None);
        assert_eq!(
            json(&header),
            r#"{"typ":"JWT","alg":"ES256","kid":"6GBK:4FLS:PI43:ITMV:5J3T:GQGN:JDSA:DDVA:OXJZ:42WX:LFYU:6TTG"}"#
        );
    }

    #[test]
    fn with_a_chain_the_header_carries_every_certificate_leaf_first() {
        let key = testdata::key("p256");
        let text = [testdata::text("certificate/leaf"), testdata::text("certificate/rsa")].concat();
        let chain = Chain::from_pem(&text, &key).unwrap();
        // In PEM the same base64 stands, in lines.
        let certificates: Vec<String> = text
            .split("-----BEGIN CERTIFICATE-----")
            .skip(1)
            .map(|block| block.replace("-----END CERTIFICATE-----", "").replace('\n', ""))
            .collect();
        let header = json(&Header::new(&key, KidForm::Thumbprint, Some(&chain)));
        assert_eq!(
            header,
            format!(
                r#"{{"typ":"JWT","alg":"ES256","kid":"0H9dZSaJOgXcEnJbWCz5sDabvWADKlBlXegEKit_3s8","x5c":["{}","{}"]}}"#,
                certificates[0], certificates[1]
            )
        );
    }
}
