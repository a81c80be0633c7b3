//! `libfuzzer --target=NAME …`: libFuzzer with its usual options around one target. Let `run.sh` build and call it: it
//! is the compiler's flags that make the fuzzer see what an input reaches.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use registry_auth_fuzz::{Target, pem};

struct Chosen {
    target: Target,
    is_pem: bool,
}

static CHOSEN: OnceLock<Chosen> = OnceLock::new();

/// libFuzzer passes over arguments with two dashes.
fn chosen() -> &'static Chosen {
    CHOSEN.get_or_init(|| {
        let name = std::env::args().find_map(|argument| argument.strip_prefix("--target=").map(str::to_owned));
        let name = name.expect("`--target=NAME`");
        Chosen {
            target: registry_auth_fuzz::target(&name).expect("the name of a target"),
            is_pem: name == "pem",
        }
    })
}

fuzz_target!(|data: &[u8]| (chosen().target)(data));

// Base64 keeps chance away from what it encodes.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if chosen().is_pem && !seed.is_multiple_of(4) {
        let change = |der: &mut [u8], size: usize| fuzzer_mutate(der, size, der.len());
        if let Some(changed) = pem::with_contents_changed(&data[..size], seed, change)
            && changed.len() <= max_size
        {
            data[..changed.len()].copy_from_slice(&changed);
            return changed.len();
        }
    }
    fuzzer_mutate(data, size, max_size)
});
