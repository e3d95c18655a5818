import Millrace

/// The files of a new package.
struct PackageTemplate {
    struct File: Equatable {
        /// In its folder.
        let path: String
        let text: String
    }

    let name: String
    let source: PackageSource

    /// Where the job file finds its broker unless `AMQP_URL` says another one.
    static let broker = "embedded"

    /// `order-mails` as a module: `OrderMails`.
    var module: String {
        self.name.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// `order-mails` as a plugin: `order_mails`.
    var plugin: String { self.name.split(separator: "-").joined(separator: "_") }

    var files: [File] {
        [
            File(path: "Package.swift", text: self.manifest),
            File(path: "Sources/\(self.module)/Greeting.swift", text: self.handler),
            File(path: "Tests/\(self.module)Tests/GreetingTests.swift", text: self.handlerTest),
            File(path: "Tests/\(self.module)Tests/JobFileTests.swift", text: self.jobFileTest),
            File(path: "jobs.yaml", text: self.jobFile), File(path: "jobs.schema.json", text: JobFile.schema),
            File(path: "README.md", text: self.readme), File(path: ".github/workflows/ci.yml", text: self.workflow),
            File(path: ".gitignore", text: ".build/\n"),
        ]
    }

    private var manifest: String {
        """
        // swift-tools-version: 6.2
        import PackageDescription

        let package = Package(
            name: "\(self.name)",
            products: [
                // .build/release/lib\(self.module).so
                .library(name: "\(self.module)", type: .dynamic, targets: ["\(self.module)"])
            ],
            dependencies: [
                \(self.source.dependency)
            ],
            targets: [
                .target(
                    name: "\(self.module)",
                    dependencies: [.product(name: "MillraceHandler", package: "millrace")]
                ),
                .testTarget(
                    name: "\(self.module)Tests",
                    dependencies: [
                        "\(self.module)",
                        .product(name: "MillraceTesting", package: "millrace"),
                        .product(name: "MillraceTestRun", package: "millrace"),
                    ]
                ),
            ]
        )

        """
    }

    private var handler: String {
        """
        import MillraceHandler

        /// Who is to be greeted, as JSON: `{"name": "Ada"}`.
        struct Guest: Codable, Sendable {
            let name: String
        }

        /// `\(self.plugin).hello`: a guest in, a greeting out.
        struct Greeting: SyncTypedJobHandler {
            private let routingKey: String

            init(_ options: HandlerOptions) throws {  // the job's `with:` block
                self.routingKey = try options.string("routing_key")
            }

            func handle(_ guest: Guest, _ message: borrowing Message, _ context: JobContext) throws -> Outcome {
                if guest.name.isEmpty { return .reject("the guest has no name") }
                try context.publish(Array("hello, \\(guest.name)".utf8), routingKey: self.routingKey)
                return .ack  // acked after the broker has confirmed the greeting
            }
        }

        private let plugin = MillracePlugin(name: "\(self.plugin)", [.sync("\(self.plugin).hello", Greeting.self)])

        @c(millrace_plugin)
        public func millracePlugin() -> PluginDescriptor { plugin.descriptor }

        """
    }

    private var handlerTest: String {
        """
        import MillraceTesting
        import Testing

        @testable import \(self.module)

        /// The handler alone: no broker, and nothing waits.
        @Suite struct GreetingTests {
            @Test func `a guest is greeted`() async throws {
                let tester = try await JobTester(Greeting.self, options: ["routing_key": "greetings"])
                let result = try await tester.run(TestMessage(json: Guest(name: "Ada")))
                #expect(result.outcome == .ack)
                #expect(result.outputs.map(\\.bodyText) == ["hello, Ada"])
            }

            @Test func `a guest without a name is rejected`() async throws {
                let tester = try await JobTester(Greeting.self, options: ["routing_key": "greetings"])
                let result = try await tester.run(TestMessage(json: Guest(name: "")))
                #expect(result.outcome == .reject("the guest has no name"))
                #expect(result.outputs.isEmpty)
            }
        }

        """
    }

    private var jobFileTest: String {
        """
        import MillraceTestRun
        import MillraceTesting
        import Testing

        @testable import \(self.module)

        /// jobs.yaml as it is, on a broker of the test's own.
        @Suite struct JobFileTests {
            @Test func `a guest comes in, a greeting goes out`() async throws {
                let run = try await TestRun(file: "jobs.yaml", plugins: [millracePlugin()])
                try await run.publish("names", json: Guest(name: "Ada"), id: "ada")
                try await run.settle()
                #expect(run.outcome(of: "ada") == .ack)
                #expect(try await run.queue("greetings").messages.map(\\.bodyText) == ["hello, Ada"])
            }

            @Test func `what can not be greeted is a dead letter`() async throws {
                let run = try await TestRun(file: "jobs.yaml", plugins: [millracePlugin()])
                try await run.publish("names", "no JSON")
                try await run.settle(expecting: .deadLetters(1))
                #expect(try await run.queue("greetings").count == 0)
            }

            @Test func `what the broker cuts comes again`() async throws {
                let run = try await TestRun(file: "jobs.yaml", plugins: [millracePlugin()])
                try await run.cut(after: 100)
                for number in 1...20 { try await run.publish("names", json: Guest(name: "guest \\(number)")) }
                try await run.settle()
                let greeted = Set(try await run.queue("greetings").messages.map(\\.bodyText))
                #expect(greeted.count == 20)
            }
        }

        """
    }

    private var jobFile: String {
        """
        # yaml-language-server: $schema=jobs.schema.json
        version: 1
        connection:
          # A broker in the process of `millrace run`, in memory: nothing to install, and nothing survives its end. A real one is
          # named by AMQP_URL=amqp://user:password@host:5672/vhost, or here.
          uri: ${AMQP_URL:-\(Self.broker)}
        plugins:
          - .build/release/lib\(self.module).so
        queues:
          names: {}
          greetings: {}
        jobs:
          hello:
            queue: names
            handler: \(self.plugin).hello
            threads: 2
            with: { routing_key: greetings }

        """
    }

    private var readme: String {
        """
        # \(self.name)

        Handlers for Millrace, and the job file that runs them.

        ```sh
        swift test                      # the handler alone, and jobs.yaml on a broker in the test's process
        swift build -c release          # .build/release/lib\(self.module).so
        millrace check jobs.yaml        # the file, the plugin and the handler, without a broker
        millrace run jobs.yaml          # works until SIGTERM or Ctrl-C
        ```

        and while it runs, in another terminal:

        ```sh
        millrace publish --file jobs.yaml --routing-key names --body '{"name": "Ada"}'
        millrace status
        ```

        `swift test` needs `pkg-config` and `libyaml-dev`, and nothing needs a broker: `uri: embedded` in jobs.yaml is one in
        the process of `millrace run`, in memory, so that all messages are gone when that ends. Work that counts wants a RabbitMQ:

        ```sh
        export AMQP_URL=amqp://user:password@host:5672/vhost    # or write it into jobs.yaml
        millrace declare jobs.yaml                              # its queues, before anything is published
        millrace publish --file jobs.yaml --routing-key names --body '{"name": "Ada"}'
        millrace run jobs.yaml
        ```

        """
    }

    private var workflow: String {
        """
        name: CI
        on: [push, pull_request]
        jobs:
          test:
            runs-on: ubuntu-latest
            container: swift:6.3
            steps:
              - uses: actions/checkout@v4
              - run: apt-get update && apt-get install -y libyaml-dev pkg-config
              # Millrace has to be reachable from here: a clone on your disk is not, name an address in Package.swift.
              - run: swift test
              - run: swift build -c release

        """
    }
}
