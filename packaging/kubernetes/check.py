"""What packaging/kubernetes/test looks at: that everything is as Kubernetes wants it, and as we promise."""

import sys
from pathlib import Path

import helm_python
import kubernetes_validate
import yaml

HERE = Path(__file__).parent
VERSION = "1.37.0"


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


def expect(truth, why):
    if not truth:
        sys.exit(f"check.py: {why}")


def validate(found, what):
    """Against the schemas of the API, without unknown fields. The operator's kinds have none there."""
    for document in found:
        if not document["apiVersion"].startswith("monitoring.coreos.com/"):
            kubernetes_validate.validate(document, VERSION, strict=True)
        name = document["metadata"]["name"]
        expect(len(name) <= 63, f"{what}: {name} is too long")


def one(found, kind):
    of_kind = [document for document in found if document["kind"] == kind]
    expect(of_kind, f"no {kind}")
    return of_kind[0]


def promises(found, what):
    """One port, no rights, probes that need no shell."""
    deployment = one(found, "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    container = pod["containers"][0]
    may = container["securityContext"]
    expect(not pod.get("hostNetwork"), f"{what}: hostNetwork")
    expect(pod["securityContext"]["runAsNonRoot"], f"{what}: root")
    expect(pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", f"{what}: seccomp")
    expect(may["capabilities"] == {"drop": ["ALL"]}, f"{what}: capabilities")
    expect(may["readOnlyRootFilesystem"] and not may["allowPrivilegeEscalation"], f"{what}: may write")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        command = container[probe]["exec"]["command"]
        expect(command[:3] == ["/usr/bin/bootwire", "check", "--live"], f"{what}: {probe}")
        patience = int(command[4].removesuffix("s"))
        expect(patience < container[probe]["timeoutSeconds"], f"{what}: {probe} is cut off")
    for volume in pod["volumes"]:
        expect(len(volume) == 2, f"{what}: a volume has one source: {volume}")
    service = one(found, "Service")["spec"]
    port = service["ports"][0]
    expect((port["port"], port["protocol"]) == (69, "UDP"), f"{what}: the port")
    ports = {port["name"]: port for port in container["ports"]}
    expect(ports[port["targetPort"]]["containerPort"] == 6969, f"{what}: the pod's port")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for selector in (
        service["selector"],
        deployment["spec"]["selector"]["matchLabels"],
        one(found, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
    ):
        expect(selector and selector.items() <= labels.items(), f"{what}: selects nothing")
    toml = one(found, "ConfigMap")["data"]["bootwire.toml"]
    expect("single_port = true" in toml and "[::]:6969" in toml, f"{what}: {toml}")
    return toml


def rendered(chart, values):
    files = chart.render(values=values, name="boot", namespace="lab")
    found = []
    for name, text in files.items():
        if name.endswith(".yaml"):
            found += documents(text)
    return found


base = documents(sys.stdin.read())
validate(base, "base")
configurations = {"base": promises(base, "base")}
report = helm_python.lint(str(HERE / "chart"))
# An icon is all that it misses, and says so as a hint.
grave = [message for message in report["messages"] if message["severity"] > 1]
expect(not grave and not report["errors"], f"helm lint: {report}")

SOME = {
    "replicas": 3,
    "service": {"externalTrafficPolicy": "Cluster", "annotations": {"a": "b"}},
    "metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}},
    "volume": {"persistentVolumeClaim": {"claimName": "tftp"}},
    "config": '[[route]]\npath = "/grub/grub.cfg-01-{mac}"\ntemplate = "grub.cfg.j2"\n',
    "templates": {"grub.cfg.j2": "set timeout=5\n# {{ machine.name }}\n"},
    "imagePullSecrets": [{"name": "registry"}],
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "podAnnotations": {"x": "y"},
}
with helm_python.Chart.load(str(HERE / "chart")) as chart:
    for name, values in (("default", {}), ("some", SOME)):
        found = rendered(chart, values)
        validate(found, name)
        configurations[name] = promises(found, name)
        monitors = [document for document in found if document["kind"] == "ServiceMonitor"]
        expect(len(monitors) == (name == "some"), f"{name}: {len(monitors)} ServiceMonitors")
    service = one(found, "Service")["spec"]
    expect(service["externalTrafficPolicy"] == "Cluster", "externalTrafficPolicy is no value")
    expect("{{ machine.name }}" in one(found, "ConfigMap")["data"]["grub.cfg.j2"], "templates are read")
    bare = rendered(chart, {"metrics": {"enabled": False}, "podDisruptionBudget": {"enabled": False}})
    validate(bare, "bare")
    kinds = sorted(document["kind"] for document in bare)
    expect(kinds == ["ConfigMap", "Deployment", "Service"], f"bare: {kinds}")
    for wrong in ({"service": {"externalTrafficPolicy": "Locale"}}, {"replica": 2}):
        try:
            chart.render(values=wrong, name="boot", namespace="lab")
        except helm_python.HelmError:
            continue
        sys.exit(f"check.py: {wrong} is taken")

out = Path(sys.argv[1])
for name, toml in configurations.items():
    (out / f"{name}.toml").write_text(toml)
