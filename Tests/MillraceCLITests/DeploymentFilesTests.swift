import ArgumentParser
import Foundation
import Millrace
import MillraceMessages
import Testing

@testable import MillraceCLI

/// What `ops/docker`, `ops/kubernetes` and `ops/rabbitmq-definitions` say, held against the code: nobody here runs them.
@Suite struct DeploymentFilesTests {
    private static let root =
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path() + "/"

    private static func text(_ path: String) throws -> String {
        try String(contentsOfFile: Self.root + path, encoding: .utf8)
    }

    private static func documents(_ path: String) throws -> [YAMLFields] {
        try YAMLFields.documents(try Self.text(path), file: path)
    }

    private static func parse(_ text: String, _ environment: [String: String]) throws -> JobFile {
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "/etc/jobs.yaml", environment: environment)
        #expect(file.warnings == [])
        return file
    }

    private static let url = "amqp://a:b@c:5672/d"

    // MARK: Kubernetes

    private struct Manifest {
        let all: [YAMLFields]
        let pod: YAMLFields
        let container: YAMLFields
        let environment: [String: String]
        let file: JobFile

        init() throws {
            let all = try DeploymentFilesTests.documents("ops/kubernetes/millrace.yaml")
            let deployment = try #require(all.first { $0["kind"]?.text == "Deployment" })
            let pod = try #require(deployment["spec"]?["template"]?["spec"])
            let container = try #require(pod["containers"]?.items.first)
            var environment: [String: String] = [:]
            for item in container["env"]?.items ?? [] {
                let (name, value) = (try #require(item["name"]?.text), try #require(item["value"]?.text))
                environment[name] = value
            }
            let text = try #require(all.first { $0["kind"]?.text == "ConfigMap" }?["data"]?["jobs.yaml"]?.text)
            var variables = environment
            variables["AMQP_URL"] = DeploymentFilesTests.url
            self.file = try DeploymentFilesTests.parse(text, variables)
            (self.all, self.pod, self.container, self.environment) = (all, pod, container, environment)
        }

        func document(_ kind: String) throws -> YAMLFields {
            try #require(self.all.first { $0["kind"]?.text == kind }, "no \(kind)")
        }

        func command(_ probe: String) throws -> [String] {
            try #require(self.container[probe]?["exec"]?["command"]).texts
        }

        /// The name of the volume that holds a path, and the rest of the path.
        func mount(of path: String) throws -> (volume: String, rest: String) {
            let mounts = self.container["volumeMounts"]?.items ?? []
            let mount = try #require(mounts.first { path.hasPrefix(($0["mountPath"]?.text ?? "?") + "/") }, "\(path)")
            let at = try #require(mount["mountPath"]?.text)
            return (try #require(mount["name"]?.text), String(path.dropFirst(at.count + 1)))
        }
    }

    @Test func `the manifest's job file is one, and what it names is where the pod has it`() throws {
        let manifest = try Manifest()
        let ports = manifest.container["ports"]?.items.compactMap { $0["containerPort"]?.text }
        let admin = try #require(manifest.file.admin)
        #expect(ports == ["\(admin.port)"])
        #expect(!admin.isLoopback && admin.isReadOnly)
        let secret = try manifest.document("Secret")
        for path in [admin.tokenFile, manifest.environment["AMQP_URL_FILE"]] {
            let named = try #require(path)
            let place = try manifest.mount(of: named)
            #expect(place.volume == "secret")
            #expect(secret["stringData"]?[place.rest]?.text?.isEmpty == false, "\(place.rest)")
        }
        #expect(secret["stringData"]?["admin-token"]?.text.map { $0.utf8.count >= 16 } == true)
        let state = try #require(manifest.file.control?.state)
        let kept = try manifest.mount(of: state)
        #expect(kept.volume == "state")
        let volumes = manifest.pod["volumes"]?.items ?? []
        #expect(Set(volumes.compactMap { $0["name"]?.text }) == ["jobs", "secret", "run", "state", "tmp"])
        #expect(volumes.first { $0["configMap"] != nil }?["configMap"]?["name"]?.text == "millrace-jobs")
        #expect(volumes.first { $0["secret"] != nil }?["secret"]?["secretName"]?.text == "millrace")
    }

    @Test func `its commands are commands, and its probes ask about the file that runs`() throws {
        let manifest = try Manifest()
        let run = try #require(try MillraceCommand.parseAsRoot(manifest.container["args"]?.texts) as? RunCommand)
        let place = try manifest.mount(of: run.file.file)
        #expect(place.volume == "jobs" && place.rest == "jobs.yaml")
        for (name, isLive) in [("livenessProbe", true), ("readinessProbe", false)] {
            let command = try manifest.command(name)
            #expect(command.first == "millrace")
            let probe = try #require(try MillraceCommand.parseAsRoot(Array(command.dropFirst())) as? ReadyCommand)
            #expect(probe.live == isLive)
            #expect(probe.control.file == run.file.file)
        }
        let isByHTTP = manifest.container["readinessProbe"]?["httpGet"] != nil
        #expect(!isByHTTP, "with a token there is no probe by HTTP")
    }

    @Test func `its grace period is long enough, and it is scaled by its own queue, never to nothing`() throws {
        let manifest = try Manifest()
        let text = try Self.text("ops/kubernetes/millrace.yaml")
        let findings = try UnitFile(path: "millrace.yaml", text: text).findings(EndTime(manifest.file))
        #expect(findings.map(\.isError) == [false], "\(findings)")
        let scaled = try #require(try manifest.document("ScaledObject")["spec"])
        #expect(scaled["minReplicaCount"]?.text.flatMap(Int.init).map { $0 >= 1 } == true)
        let deployment = try manifest.document("Deployment")
        #expect(scaled["scaleTargetRef"]?["name"]?.text == deployment["metadata"]?["name"]?.text)
        let hasNumber = deployment["spec"]?["replicas"] != nil
        #expect(!hasNumber, "an apply would undo what KEDA did")
        let trigger = try #require(scaled["triggers"]?.items.first)
        #expect(trigger["metadata"]?["queueName"]?.text == manifest.file.jobs[0].queue)
        let authentication = try manifest.document("TriggerAuthentication")
        #expect(trigger["authenticationRef"]?["name"]?.text == authentication["metadata"]?["name"]?.text)
        let secret = try #require(authentication["spec"]?["secretTargetRef"]?.items.first)
        let own = try manifest.document("Secret")
        #expect(secret["name"]?.text == own["metadata"]?["name"]?.text)
        let isThere = own["stringData"]?[secret["key"]?.text ?? ""] != nil
        #expect(isThere)
        let budget = try manifest.document("PodDisruptionBudget")["spec"]?["selector"]?["matchLabels"]?["app"]?.text
        #expect(budget == deployment["spec"]?["template"]?["metadata"]?["labels"]?["app"]?.text)
    }

    // MARK: Docker

    @Test func `the image has what it copies, runs what there is, and drains`() throws {
        let text = try Self.text("ops/docker/Dockerfile")
        let lines = text.split(separator: "\n").map(String.init)
        let manifest = try Self.text("Package.swift")
        let swift = try #require(text.firstMatch(of: /ARG SWIFT=([0-9.]+)-bookworm/)).output.1
        #expect(try Self.text("Sources/Millrace/Millrace.docc/StartHere.md").contains("Swift \(swift)"))
        let plugin = try #require(text.firstMatch(of: /ARG PLUGIN=(\w+)/)).output.1
        #expect(manifest.contains("name: \"\(plugin)\""))
        #expect(lines.contains("COPY --chmod=0755 ops/docker/entrypoint /usr/local/bin/millrace-entrypoint"))
        #expect(FileManager.default.isExecutableFile(atPath: Self.root + "ops/docker/entrypoint"))
        #expect(lines.contains("ENTRYPOINT [\"millrace-entrypoint\"]"))
        #expect(lines.contains("STOPSIGNAL SIGTERM"))
        #expect(try Self.text("ops/install").contains("--with-runtime"))
        func words(after: String) throws -> [String] {
            let line = try #require(lines.first { $0.hasPrefix(after) })
            let list = line.dropFirst(after.count)
            return try JSONDecoder().decode([String].self, from: Data(list.utf8))
        }
        let run = try #require(try MillraceCommand.parseAsRoot(try words(after: "CMD ")) as? RunCommand)
        let health = try words(after: "HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ")
        let probe = try #require(try MillraceCommand.parseAsRoot(Array(health.dropFirst())) as? ReadyCommand)
        #expect(probe.live && probe.control.file == run.file.file)
        // Where the socket and the ledger are, in Compose and in Kubernetes too.
        let manifests = try Self.text("ops/kubernetes/millrace.yaml") + Self.text("ops/docker/compose.yaml")
        for folder in ["XDG_RUNTIME_DIR=/run/millrace", "XDG_STATE_HOME=/var/lib/millrace"] {
            #expect(text.contains(folder))
            let place = try #require(folder.split(separator: "=").last)
            #expect(manifests.ranges(of: place).count >= 2, "\(place)")
        }
    }

    @Test func `Compose mounts a job file that is one, waits for its end and keeps what it is to keep`() throws {
        let compose = try #require(try Self.documents("ops/docker/compose.yaml").first)
        let service = try #require(compose["services"]?["millrace"])
        let url = try #require(service["environment"]?["AMQP_URL"]?.text)
        let file = try Self.parse(try Self.text("ops/docker/jobs.yaml"), ["AMQP_URL": url])
        let broker = try #require(compose["services"]?["rabbitmq"]?["environment"])
        let login = [broker["RABBITMQ_DEFAULT_USER"]?.text, broker["RABBITMQ_DEFAULT_PASS"]?.text].compactMap(\.self)
        #expect(url.contains(login.joined(separator: ":") + "@rabbitmq:5672"))
        let volumes = service["volumes"]?.texts ?? []
        #expect(volumes.contains("./jobs.yaml:/srv/millrace/jobs.yaml:ro"))
        #expect(file.control?.state?.hasPrefix("/var/lib/millrace/") == true)
        #expect(volumes.contains("state:/var/lib/millrace"))
        let findings = try UnitFile(path: "compose.yaml", text: try Self.text("ops/docker/compose.yaml"))
            .findings(EndTime(file))
        #expect(findings.map(\.isError) == [false], "\(findings)")
        let folder = try #require(service["build"]?["context"]?.text)
        let image = try #require(service["build"]?["dockerfile"]?.text)
        #expect(FileManager.default.fileExists(atPath: Self.root + "ops/docker/" + folder + "/" + image))
    }

    // MARK: RabbitMQ

    private struct Definitions: Decodable {
        struct Named: Decodable { let name: String }
        struct Host: Decodable {
            let name: String
            let default_queue_type: String
        }
        struct User: Decodable {
            let name: String
            let password_hash: String
            let tags: [String]
        }
        struct Permission: Decodable { let user, vhost, configure, write, read: String }
        let vhosts: [Host]
        let users: [User]
        let permissions: [Permission]
        let queues: [Named]
    }

    private static func definitions() throws -> Definitions {
        let text = try Self.text("ops/rabbitmq-definitions/definitions.json")
        return try JSONDecoder().decode(Definitions.self, from: Data(text.utf8))
    }

    @Test func `the user may do what the manifest's jobs need, and nothing beside`() throws {
        let definitions = try Self.definitions()
        let file = try Manifest().file
        let permission = try #require(definitions.permissions.first)
        #expect(definitions.permissions.count == 1)
        #expect(definitions.users.map(\.name) == [permission.user])
        #expect(definitions.vhosts.map(\.name) == [permission.vhost])
        #expect(definitions.vhosts[0].default_queue_type == "quorum")
        #expect(
            definitions.users[0].tags == [] && definitions.users[0].password_hash == "",
            "nobody can log in with it"
        )
        #expect(definitions.queues.isEmpty, "a supervisor declares them")
        let configure = try Regex(permission.configure)
        let write = try Regex(permission.write)
        let read = try Regex(permission.read)
        let ladder = DelayLadder.standard
        let home = file.jobs[0].queue
        var clock = ScheduleDefinition(
            name: "a",
            timing: .every(.seconds(1)),
            queue: home,
            location: file.jobs[0].location
        )
        clock.clockPrefix = try #require(file.names).prefix
        var names = file.queues.map(\.name) + [DerivedName.of(home, "dead"), clock.clockQueue]
        names += ladder.stages.indices.map { ladder.queueName($0, of: home) }
        #expect(names.count > 6)
        for name in names {
            for right in [configure, write, read] { #expect(name.contains(right), "\(name)") }
        }
        #expect("amq.default".contains(write))
        for name in ["errands", "staging-errands", "x-production-errands", "amq.default", "amq.topic"] {
            #expect(!name.contains(configure) && !name.contains(read), "\(name)")
            if name != "amq.default" { #expect(!name.contains(write), "\(name)") }
        }
        // The Secret logs in as this user, where its queues are.
        let secret = try Manifest().document("Secret")
        let url = try #require(secret["stringData"]?["amqp-url"]?.text)
        #expect(url.hasPrefix("amqp://\(permission.user):") && url.hasSuffix("/\(permission.vhost)"))
    }

    @Test func `three nodes know each other and load the definitions`() throws {
        let text = try Self.text("ops/rabbitmq-definitions/rabbitmq.conf")
        let settings = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map { $0.components(separatedBy: " = ") }
        #expect(settings.allSatisfy { $0.count == 2 })
        let values = Dictionary(uniqueKeysWithValues: settings.map { ($0[0], $0[1]) })
        let nodes = values.keys.filter { $0.hasPrefix("cluster_formation.classic_config.nodes.") }
        #expect(nodes.count == 3)
        #expect(values["load_definitions"]?.hasSuffix("/definitions.json") == true)
        #expect(values["cluster_partition_handling"] == "pause_minority")
        #expect(values["consumer_timeout"].flatMap(Int.init) == 1_800_000)
    }
}
