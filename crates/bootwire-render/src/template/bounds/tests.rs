//! That bounded templates say what plain ones say, and that none takes much memory.

use std::io::Write as _;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, context};
use proptest::prelude::*;

use super::budget::Rendering;
use super::source::bounded;

fn plain() -> Environment<'static> {
    let mut plain = Environment::new();
    plain.set_undefined_behavior(UndefinedBehavior::Strict);
    plain
}

fn ours() -> Environment<'static> {
    let mut ours = plain();
    super::add(&mut ours);
    ours
}

/// What a template writes, plain and bounded.
fn both(text: &str) -> (Result<String, String>, Result<String, String>) {
    let values = context! {
        n => 7, s => "text", e => "", l => vec![3, 1, 2], m => context! { a => 1, b => "two" },
        t => "a\nb\n",
    };
    let (mut plain, mut ours) = (plain(), ours());
    for environment in [&mut plain, &mut ours] {
        environment.set_syntax(
            SyntaxConfig::builder()
                .trim_blocks(true)
                .lstrip_blocks(true)
                .build()
                .unwrap(),
        );
        environment.set_fuel(Some(20_000));
    }
    let _rendering = Rendering::begin(1 << 20);
    let show = |error: minijinja::Error| format!("{error:#}");
    let bounded = match bounded(text) {
        Ok(bounded) => bounded,
        Err(error) => {
            return (
                plain.render_str(text, &values).map_err(show),
                Err(format!("{error:?}")),
            );
        }
    };
    (
        plain.render_str(text, &values).map_err(show),
        ours.render_str(&bounded, &values)
            .map_err(|error| format!("{} in {bounded}", show(error))),
    )
}

/// That both say the same, or both fail.
fn same(text: &str) -> Result<(), TestCaseError> {
    match both(text) {
        (Ok(plain), Ok(ours)) => prop_assert_eq!(plain, ours, "{}", text),
        (Err(_), Err(_)) => {}
        // What was no template may have become one, but never the other way round.
        (Err(plain), Ok(_)) if plain.starts_with("syntax error") => {}
        (plain, ours) => prop_assert!(false, "{text}\nplain {plain:?}\nours {ours:?}"),
    }
    Ok(())
}

#[test]
fn bounded_templates_say_what_plain_ones_say() {
    for text in [
        "{{ 'a' ~ 1 + 2 ~ 'b' }}",
        "{{ 1 + 2 * 3 - 4 // 2 ** 2 % 5 }}",
        "{{ -n ~ -1 * -2 }}",
        "{{ s ~ s|upper ~ (s|length) }}",
        "{{ 'x' * 3 ~ 'y' }}{{ (1, 2) * 2 }}{{ [n] * 2 + [1] }}",
        "{{ s[1:] ~ s[:-1]|upper ~ l[::-1] }}{{ s[1:][1:] }}{{ l[1:]|first }}",
        "{% if n is divisibleby 7 and s ~ 'x' == 'textx' %}yes{% else %}no{% endif %}",
        "{% if n is not divisibleby -3 %}{{ n - -3 }}{% endif %}",
        "{% if(s)~s == 'texttext' %}yes{% elif s+s %}no{% endif %}",
        "{% for a, b in m|items %}{{ a ~ b }}{{ loop.index + 1 }}{% endfor %}",
        "{% for (a, b) in m|dictsort if a ~ 'x' != 'ax' %}{{ a }}{% endfor %}",
        "{% for x in [n, n + 1] + l recursive %}{{ x }}{% endfor %}",
        "{% set x = n, s ~ s %}{{ x }}{% set y, z = s, n * 2 %}{{ y ~ z }}",
        "{% set (y, z) = (s, n) %}{{ y }}{% set ns = namespace(a=1, b=s ~ s) %}{% set ns.a = ns.a + 1 %}{{ ns.a }}",
        "{% set x %}long enough to be counted, this text is {{ s }}{% endset %}{{ x|upper }}",
        "{% set x | upper | replace('A' ~ 'B', 'c') %}ab{% endset %}{{ x }}",
        "{% with a = s ~ s, b = n + 1 %}{{ a ~ b }}{% endwith %}{% with (a, b) = (1, n) %}{{ a + b }}{% endwith %}",
        "{% macro f(a, b='x' ~ 'y', c=[1]) %}{{ a ~ b }}{{ caller() if caller else '' }}{% endmacro %}{{ f(s ~ n, b=n * 2) }}",
        "{% macro g() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b) g() %}{{ a + b }}{% endcall %}",
        "{% filter replace('a' ~ 'b', 'c') %}ab{% endfilter %}",
        "{% raw %}{{ a ~ }}{% endraw %}{# {{ ~ #}{%- raw -%} x {%- endraw -%} y",
        "{{ {'a': {'b': n}}.a.b ~ {'c': 1}['c'] }}{{ '}}' ~ \"%}\" ~ 'it\\'s' }}",
        "{{ n if s else 1 }}{{ ('x' if e) ~ 'y' }}{{ 'a' 'b' ~ 'c' }}",
        "{{ 1e3 + 1.5e-3 + 0x1f + 1_000 }}{{ l.0 + l[1] }}{{ [[1, [n]]].0.1.0 }}",
        "{{ 1 in l }}{{ 's' ~ 't' not in s }}{{ not s ~ s }}{{ 1 < n <= 3 + 4 }}",
        "{{ dict(a=1, **m) }}{{ dict(m, c=3)|length }}{{ range(*[1, 4])|list }}",
        "{{ l|map('string')|join('-' ~ '-') }}{{ m|items|join }}{{ ['a', n]|join(d='x') }}",
        "{{ '%s-%05d' | format(s, n) }}{{ t|indent(3, true) }}{{ t|lines|list }}{{ 'a b'|split }}{{ 'a,b'|split(',') }}",
        "{{ l|sort|reverse|list }}{{ l|batch(2, 'x') }}{{ l|slice(2) }}{{ l|zip(l)|list }}{{ l|chain(l)|list }}",
        "{{ m|tojson }}{{ m|tojson(indent=4) }}{{ s|tojson }}{{ '<a href=\"x\">'|e }}{{ l|sum }}{{ l|sum(start=1) }}{{ m|pprint }}",
        "{{ l|select('odd')|list }}{{ l|selectattr('x', 'undefined')|list }}{{ [m, m]|groupby('a') }}{{ l|unique|list }}",
        "{% autoescape 'html' %}{{ '<' ~ s }}{{ m }}{% endautoescape %}{% autoescape 'json' %}{{ m }}{% endautoescape %}",
        "{% include 'nowhere' ~ n ignore missing %}x\n  {% if true %}\n  long enough to be counted, this line is    \n  {% endif %}\n  y\n",
        "  \n                                          {%- if n +%}  \n  z {{- n -}} \n{% endif %}\n",
        "{% if n %}\n                                                  {% endif %}|{{ n }}                                        {{ n }}",
        "{% if n %}\n                          \n                        {% endif %}|{# x #}\n\n\n                                   \n\n  {# y -#}  \n                                              z",
        "                                             {{ n }}\r\n\r\n                                     \r\n{% if n %}\r\n{% endif %}",
        "{ { { { { { { { { { { { { { { { { { { { { {{ n }} } } } } } } } } } } } } } } } } } } } } } } } {% if n %}#{% endif %}\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n{%- if n %}x{% endif %}",
        "{{ loop }}",
        "{{ missing ~ s }}",
        "{{ s + 1 }}",
        "{{ 1 ~ }}",
        "{{ ~ 1 }}",
        "{{ (1 }}",
        "{{ a.b.c + 1 }}",
        "{% if %}",
        "{{ x",
        "{{ s ~ missing.x }}",
        "{{ [1, missing] }}",
        "{{ l[1] ~ l['x'] }}",
        "{{ f(",
        "{{ 1 +* 2 }}",
        "{% set x = %}",
    ] {
        same(text).unwrap();
    }
}

#[test]
fn what_is_undefined_is_still_named() {
    for text in [
        "{{ 'a' ~ m.gone }}",
        "{{ 1 + m.gone }}",
        "{{ m.gone * 2 }}",
        "{{ m.gone }}",
    ] {
        let error = both(text).1.unwrap_err();
        assert!(error.contains("m.gone"), "{text}: {error}");
    }
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0..9_i32).prop_map(|number| number.to_string()),
        prop_oneof![
            Just("n"),
            Just("s"),
            Just("e"),
            Just("l"),
            Just("m.a"),
            Just("m['b']"),
            Just("gone")
        ]
        .prop_map(str::to_owned),
        prop_oneof![
            Just("'x'"),
            Just("\"y ~ z\""),
            Just("'}}'"),
            Just("[]"),
            Just("{}"),
            Just("1.5")
        ]
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(6, 40, 4, |inner| {
        let operator = prop_oneof![
            5 => Just("~"), 4 => Just("+"), 3 => Just("*"), 2 => Just("-"), 1 => Just("/"), 1 => Just("//"),
            1 => Just("%"), 1 => Just("=="), 1 => Just("<"), 1 => Just(" and "), 1 => Just(" or "),
            1 => Just(" in "), 1 => Just(" not in "),
        ];
        let blank = prop_oneof![Just(""), Just(" "), Just("\n ")];
        prop_oneof![
            6 => (inner.clone(), operator, inner.clone(), blank)
                .prop_map(|(a, operator, b, blank)| format!("{a}{blank}{operator}{blank}{b}")),
            2 => inner.clone().prop_map(|a| format!("({a})")),
            1 => inner.clone().prop_map(|a| format!("-{a}")),
            1 => inner.clone().prop_map(|a| format!("not {a}")),
            1 => inner.clone().prop_map(|a| format!("({a})|string")),
            1 => inner.clone().prop_map(|a| format!("{a}|upper")),
            1 => inner.clone().prop_map(|a| format!("{a} is defined")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} is eq {b}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}, {b})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{'k': {a}, 'l': {b}}}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}|default({b})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}:]")),
            1 => (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("{a} if {b} else {c}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn bounded_expressions_are_what_they_were(expression in expression()) {
        same(&format!("{{{{ {expression} }}}}"))?;
        same(&format!("{{% if {expression} %}}yes{{% endif %}}"))?;
        same(&format!("{{% set x = {expression} %}}{{{{ x }}}}"))?;
    }

    #[test]
    fn blanks_are_taken_away_as_they_were(text in "((\\{%[-+]? if n [-+]?%\\}|\\{%[-+]? endif [-+]?%\\}|\\{\\{-? n -?\\}\\}|\\{#-? x -?#\\})|[ \n\r]{30,50}|[ \n]{0,3}|x|\\{ |\\}){0,9}") {
        same(&text)?;
    }

    #[test]
    fn any_text_is_read_or_refused(text in "([{}%#~+*|()\\[\\].,:='\" \\n-]|raw|endraw|if|set|n|é){0,40}") {
        let _ = bounded(&text);
    }
}

/// Templates that double, repeat, pad, nest and copy, each in another way.
const HOSTILE: [&str; 45] = [
    "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s|replace('x', 'xxxxxxxxxxxxxxxx') %}{% endfor %}",
    "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s|replace('', ns.s) %}{% endfor %}",
    "{{ '%999999999d'|format(1) }}",
    "{{ '%*d'|format(999999999, 1) }}",
    "{{ '%.999999999f'|format(1.5) }}",
    "{{ ('%9999d' * 100000)|format(1) }}",
    "{{ '%s%s%s%s'|format('x' * 4000000, 'x' * 4000000, 'x' * 4000000, 1) }}",
    "{% set a = 'x' * 90000000 %}{% set b = 'x' * 90000000 %}",
    "{% set ns = namespace(l=[]) %}{% for i in range(2000) %}{% set ns.l = ns.l + ['x' * 4000000] %}{% endfor %}",
    "{% set s = 'x' * 4000000 %}{% set ns = namespace(l=[]) %}{% for i in range(2000) %}{% set ns.l = ns.l + [s[1:]] %}{% endfor %}",
    "{% set s = 'x' * 4000000 %}{% set ns = namespace(l=[]) %}{% for i in range(2000) %}{% set ns.l = ns.l + [s|upper] %}{% endfor %}",
    "{% set s = 'x' * 4000000 %}{% set ns = namespace(l=[]) %}{% for i in range(2000) %}{% set ns.l = ns.l + [s|url] %}{% endfor %}",
    "{% set s = 'x' * 4000000 %}{% set ns = namespace(l=[]) %}{% for i in range(2000) %}{% set ns.l = ns.l + [s|shell] %}{% endfor %}",
    "{% set s = 'x' * 4000000 %}{% set ns = namespace(l=[]) %}{% for i in range(2000) %}{% set x %}{{ s }}{% endset %}{% set ns.l = ns.l + [x] %}{% endfor %}",
    "{% set ns = namespace(l=[]) %}{% for i in range(20000) %}{% set x %}PAD{% endset %}{% set ns.l = ns.l + [x] %}{% endfor %}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) ~ m(n - 1) }}{% else %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{% endif %}{% endmacro %}{% set x = m(11) ~ m(11) ~ m(11) %}{% set y = x ~ x ~ x ~ x ~ x ~ x ~ x ~ x ~ x ~ x ~ x %}{{ y ~ y ~ y }}",
    "{% set ns = namespace(t=(1, 2)) %}{% for i in range(60) %}{% set ns.t = ns.t + ns.t %}{% endfor %}",
    "{% set ns = namespace(l=[1, 2]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l|length }}{{ ns.l|list|length }}",
    "{% set t = (1, 2) * 90000000 %}",
    "{% set l = [1, 2] * 90000000 %}{{ l|list|length }}",
    "{% set l = range(100000)|list %}{% set ns = namespace(l=[]) %}{% for i in range(2000) %}{% set ns.l = ns.l + [l|list] %}{% endfor %}",
    "{% set l = range(100000)|list %}{% set ns = namespace(l=[]) %}{% for i in range(2000) %}{% set ns.l = ns.l + [l|sort] %}{% endfor %}",
    "{% set t = (1, 2) * 50000 %}{% set ns = namespace(l=[]) %}{% for i in range(2000) %}{% set ns.l = ns.l + [t[0:]] %}{% endfor %}",
    "{{ [1]|batch(900000000, 'x') }}",
    "{{ [1]|slice(900000000, 'x') }}",
    "{{ ('x' * 4000000)|list|length }}",
    "{{ ('x ' * 2000000)|split|length }}",
    "{{ ('x' * 4000000)|indent(900000000) }}",
    "{{ ('\n' * 40000)|indent(90000, true, true) }}",
    "{{ range(90000)|join('x' * 4000000) }}",
    "{{ ('<' * 4000000)|e }}",
    "{{ [[[[[1, 2]]]]]|tojson(indent=900000000) }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l ~ '' }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l, ns.l %}{% endfor %}{{ ns.l|string }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = {'a': ns.l, 'b': ns.l} %}{% endfor %}{{ ns.l|tojson }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = dict(a=ns.l, b=ns.l) %}{% endfor %}{{ ns.l|pprint }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l|zip(ns.l)|list %}{% endfor %}{{ ns.l|pprint }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l|chain(ns.l) %}{% endfor %}{{ ns.l|list|length }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(20000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(20000) %}{% set ns.l = ns.l[0:] %}{% endfor %}{{ ns.l }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(20000) %}{% set ns.l = ns.l|reverse %}{% endfor %}{{ ns.l }}",
    "{% set ns = namespace() %}{% for i in range(20000) %}{% set new = namespace() %}{% set new.x = ns.x|default(1) %}{% set ns.x = new %}{% endfor %}",
    "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}{{ ns ~ ns }}",
];

/// Renders the one that the test below names, in a process that can take 2 GiB at most.
#[test]
fn render_one_in_this_process() {
    use crate::template::Templates;
    use rustix::process::{Resource, Rlimit, setrlimit};

    let Some(number) = std::env::var_os("BOOTWIRE_TEST_HOSTILE") else {
        return;
    };
    let number: usize = number.to_str().unwrap().parse().unwrap();
    let most = Some(2 << 30);
    let limit = Rlimit {
        current: most,
        maximum: most,
    };
    setrlimit(Resource::As, limit).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = HOSTILE[number].replace("PAD", &"a line of text in the template\n".repeat(1000));
    std::fs::write(folder.path().join("t.j2"), text).unwrap();
    let templates = Templates::open(folder.path()).unwrap();
    assert_eq!(templates.problems(), []);
    let peak = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap();
        let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1024
    };
    let before = peak();
    let rendered = templates.render("t.j2", serde_json::json!({}));
    let said = rendered.map_or_else(|error| error.to_string(), |text| text.len().to_string());
    let took = peak() - before;
    writeln!(std::io::stdout(), "took {took} bytes\nsaid {said}").unwrap();
}

/// What is wrong with how a process of its own rendered one.
fn rendered_elsewhere(number: usize) -> Option<String> {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "template::bounds::tests::render_one_in_this_process",
            "--nocapture",
        ])
        .env("BOOTWIRE_TEST_HOSTILE", number.to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let took = said
        .lines()
        .find_map(|line| line.strip_prefix("took ")?.strip_suffix(" bytes"));
    let took = took.and_then(|took| took.parse::<usize>().ok());
    // Eight times the default of 4 MiB, and what the stack takes.
    let is_well = output.status.success() && took.is_some_and(|took| took <= 40 << 20);
    let error = String::from_utf8_lossy(&output.stderr);
    (!is_well).then(|| format!("{}\n  {took:?} {said}\n  {error}", HOSTILE[number]))
}

#[test]
fn no_template_takes_more_than_a_few_times_its_size() {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if number >= HOSTILE.len() {
                        break;
                    }
                    let one = rendered_elsewhere(number);
                    wrong.lock().unwrap().extend(one);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
