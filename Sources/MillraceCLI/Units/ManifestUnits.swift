import Millrace

/// What a Kubernetes manifest or a Compose file says about the end of its supervisors.
struct ManifestUnits {
    private enum Kind { case kubernetes, compose }

    private struct Workload {
        let name: String
        let kind: Kind
        /// Of the pod, or of the service.
        let fields: YAMLFields
        let line: Int
        let runsMillrace: Bool
    }

    private var workloads: [Workload] = []

    /// What each waits unless told otherwise.
    private static let defaultGrace = Duration.seconds(30)
    private static let defaultStop = Duration.seconds(10)
    private static let signals = ["SIGTERM", "SIGINT", "SIGQUIT", "15", "2", "3"]

    /// - Parameter documents: Of one file.
    init(_ documents: [YAMLFields]) {
        for document in documents { self.take(document) }
    }

    private mutating func take(_ document: YAMLFields) {
        if let services = document["services"] {
            for (name, service) in services.pairs {
                let texts = ["image", "command", "entrypoint", "container_name"].flatMap { service[$0]?.texts ?? [] }
                self.add(name, .compose, service, [name] + texts)
            }
        } else if document["kind"]?.text == "List" {
            for item in document["items"]?.items ?? [] { self.take(item) }
        } else if document["apiVersion"] != nil, let pod = Self.pod(document) {
            let containers = (pod["containers"]?.items ?? []) + (pod["initContainers"]?.items ?? [])
            let texts = containers.flatMap { container in
                ["name", "image", "command", "args"].flatMap { container[$0]?.texts ?? [] }
            }
            let kind = document["kind"]?.text ?? "manifest"
            let name = document["metadata"]?["name"]?.text ?? "without a name"
            self.add("\(kind) \(name)", .kubernetes, pod, texts)
        }
    }

    private static func pod(_ document: YAMLFields) -> YAMLFields? {
        let spec = document["spec"]
        switch document["kind"]?.text {
        case "Pod": return spec
        case "CronJob": return spec?["jobTemplate"]?["spec"]?["template"]?["spec"]
        default: return spec?["template"]?["spec"]
        }
    }

    private mutating func add(_ name: String, _ kind: Kind, _ fields: YAMLFields, _ texts: [String]) {
        let isOurs = texts.contains { $0.contains("millrace") }
        self.workloads.append(Workload(name: name, kind: kind, fields: fields, line: fields.line, runsMillrace: isOurs))
    }

    func findings(_ end: EndTime) -> [UnitFinding] {
        guard !self.workloads.isEmpty else {
            let help = "name a unit of systemd, a manifest of Kubernetes or a file of Compose"
            return [UnitFinding(line: 0, message: "it starts nothing: there are no pods and no services", help: help)]
        }
        var chosen = self.workloads.filter(\.runsMillrace)
        if chosen.isEmpty, self.workloads.count == 1 { chosen = self.workloads }
        guard !chosen.isEmpty else {
            let names = self.workloads.map(\.name).joined(separator: ", ")
            let help = "have the word millrace in the image, the command or the name of the one that does"
            return [UnitFinding(line: 0, message: "which of them runs millrace can not be seen: \(names)", help: help)]
        }
        return chosen.flatMap { workload in
            switch workload.kind {
            case .kubernetes: [self.grace(workload, end)]
            case .compose: [self.stop(workload, end)] + self.signal(workload)
            }
        }
    }

    private func grace(_ workload: Workload, _ end: EndTime) -> UnitFinding {
        let key = "terminationGracePeriodSeconds"
        let name = "\(workload.name): \(key)"
        let written = workload.fields[key]
        let seconds = written?.text.flatMap(Int64.init)
        if let written, seconds == nil {
            return UnitFinding(
                line: written.line,
                message: "\(name) is no number",
                help: "write \(key): \(end.advised)"
            )
        }
        return end.judge(
            seconds.map { .seconds(min($0, 1_000_000_000)) } ?? Self.defaultGrace,
            name,
            isWritten: written != nil,
            spent: .seconds(Self.preStop(workload.fields)),
            line: written?.line ?? workload.line
        ) { "\(key): \($0)" }
    }

    /// A container's hook runs within the same grace period; how long a command takes nobody knows.
    private static func preStop(_ pod: YAMLFields) -> Int64 {
        let hooks = (pod["containers"]?.items ?? []).compactMap {
            $0["lifecycle"]?["preStop"]?["sleep"]?["seconds"]?.text
        }
        return min(hooks.compactMap(Int64.init).max() ?? 0, 1_000_000_000)
    }

    private func stop(_ workload: Workload, _ end: EndTime) -> UnitFinding {
        let key = "stop_grace_period"
        let name = "service \(workload.name): \(key)"
        guard let written = workload.fields[key] else {
            return end.judge(Self.defaultStop, name, isWritten: false, line: workload.line) { "\(key): \($0)s" }
        }
        guard let time = written.text.flatMap(UnitTime.ofCompose) else {
            return UnitFinding(line: written.line, message: "\(name) is no time", help: "write \(key): \(end.advised)s")
        }
        return end.judge(time, name, line: written.line) { "\(key): \($0)s" }
    }

    private func signal(_ workload: Workload) -> [UnitFinding] {
        guard let signal = workload.fields["stop_signal"], let text = signal.text, !Self.signals.contains(text) else {
            return []
        }
        let message = "service \(workload.name): stop_signal \(text) does not drain"
        return [UnitFinding(line: signal.line, message: message, help: "write stop_signal: SIGTERM")]
    }
}
