// swift-tools-version: 6.2
import PackageDescription

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
    name: "millrace",
    products: [
        .executable(name: "millrace", targets: ["MillraceCLI"]),
        .executable(name: "millrace-consumer", targets: ["ConsumerExample"]),
        .executable(name: "millrace-linked-in", targets: ["LinkedInExample"]),
        .executable(name: "millrace-server", targets: ["ServerExample"]),
        .library(name: "AMQPWire", targets: ["AMQPWire"]),
        .library(name: "AMQPCore", targets: ["AMQPCore"]),
        .library(name: "AMQPClient", targets: ["AMQPClient"]),
        .library(name: "AMQPBroker", targets: ["AMQPBroker"]),
        .library(name: "AMQPBrokerServer", targets: ["AMQPBrokerServer"]),
        .library(name: "Millrace", targets: ["Millrace"]),
        .library(name: "MillraceClient", targets: ["MillraceClient"]),
        .library(name: "MillraceHandler", targets: ["MillraceHandler"]),
        .library(name: "MillraceTracing", targets: ["MillraceTracing"]),
        .library(name: "MillraceExec", targets: ["MillraceExec"]),
        .library(name: "MillraceEmbedded", targets: ["MillraceEmbedded"]),
        .library(name: "MillraceTesting", targets: ["MillraceTesting"]),
        .library(name: "MillraceTestRun", targets: ["MillraceTestRun"]),
        .library(name: "Examples", type: .dynamic, targets: ["Examples"]),
        .library(name: "MinimalPlugin", type: .dynamic, targets: ["MinimalPlugin"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        // Without its trait for Foundation, which nothing here needs.
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .target(name: "CMillraceABI"),
        .target(name: "CMillraceSystem"),
        .target(name: "MillraceHandler", dependencies: ["CMillraceABI"]),
        // Apart from MillraceHandler, so that a plugin without spans needs nothing of it.
        .target(name: "MillraceTracing", dependencies: ["MillraceHandler", tracing]),
        // Programs as handlers. Apart from Millrace, so that a linked-in supervisor may do without.
        .target(
            name: "MillraceExec",
            dependencies: [
                "MillraceHandler", .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),
        // For the tests of handlers: what the supervisor is to a plugin, without a broker.
        .target(name: "MillraceTesting", dependencies: ["MillraceHandler", "CMillraceABI"]),
        // For the tests of whole job files: the supervisor and the embedded broker. Apart from MillraceTesting, so that the tests
        // of handlers build neither.
        .target(
            name: "MillraceTestRun",
            dependencies: [
                "Millrace", "MillraceTesting", "MillraceHandler", "MillraceMessages", "AMQPBroker", "AMQPBrokerServer",
                "AMQPCore", "AMQPWire", logging,
            ]
        ),
        .target(name: "AMQPWire"),
        // A broker as values, without I/O, and what puts it on a socket.
        .target(name: "AMQPBroker", dependencies: ["AMQPWire"]),
        .target(name: "AMQPBrokerServer", dependencies: ["AMQPBroker", "CAMQPSystem"] + nio),
        .target(name: "CAMQPSystem"),
        .target(name: "AMQPCore", dependencies: ["AMQPWire", "CAMQPSystem"]),
        .target(
            name: "AMQPClient",
            dependencies: [
                "AMQPWire", "AMQPCore", "CAMQPSystem", logging, .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ] + nio
        ),
        // What stands on a message, and where it waits: for the supervisor and for those who enqueue.
        .target(name: "MillraceMessages", dependencies: ["AMQPWire"]),
        // What a job is and what is decided about it, as values: no socket, no thread, no library.
        .target(name: "MillraceCore", dependencies: ["AMQPWire", "AMQPCore", "MillraceMessages"]),
        .target(
            name: "MillraceClient",
            dependencies: [
                "AMQPWire", "AMQPCore", "AMQPClient", "MillraceHandler", "MillraceMessages", logging, tracing,
                lifecycle,
            ] + nio
        ),
        .target(
            name: "Millrace",
            dependencies: [
                "AMQPWire", "AMQPCore", "AMQPClient", "MillraceCore", "MillraceMessages", "CLibYAML", "CMillraceABI",
                "CMillraceSystem",
                logging,
                .product(name: "Metrics", package: "swift-metrics"),
            ] + nio,
            // In the code, so that an installed command needs no file beside it.
            resources: [.embedInCode("Resources/jobs.schema.json")]
        ),
        // The doors of a supervisor: HTTP over its one router.
        .target(
            name: "MillraceAdmin",
            dependencies: ["Millrace", logging, .product(name: "NIOHTTP1", package: "swift-nio")] + nio,
            exclude: ["openapi.json"]
        ),
        // `uri: embedded`. Apart from Millrace, so that a linked-in supervisor may do without.
        .target(
            name: "MillraceEmbedded",
            dependencies: ["Millrace", "AMQPBroker", "AMQPBrokerServer", "AMQPCore"]
        ),
        .executableTarget(
            name: "MillraceCLI",
            dependencies: [
                "Millrace", "MillraceAdmin", "MillraceEmbedded", "MillraceExec", "AMQPBroker", "AMQPBrokerServer",
                "AMQPClient",
                "AMQPWire",
                "CMillraceSystem", logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ] + nio
        ),
        .target(
            name: "Examples",
            dependencies: ["MillraceHandler", "CMillraceABI", .product(name: "Crypto", package: "swift-crypto")],
            path: "Examples/Plugin"
        ),
        .target(name: "MinimalPlugin", dependencies: ["MillraceHandler", "CMillraceABI"], path: "Examples/Minimal"),
        .executableTarget(
            name: "ConsumerExample",
            dependencies: ["AMQPClient", "AMQPWire"] + nio,
            path: "Examples/Consumer"
        ),
        .executableTarget(
            name: "LinkedInExample",
            dependencies: ["Millrace", "MillraceHandler", "MillraceTracing", "Examples", logging, tracing],
            path: "Examples/LinkedIn",
            exclude: ["jobs.yaml"]
        ),
        .executableTarget(
            name: "ServerExample",
            dependencies: [
                "AMQPClient", "AMQPWire", "MillraceClient", "Examples", logging, lifecycle,
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ] + nio,
            path: "Examples/Server"
        ),
        .testTarget(name: "TidyTests"),
        .testTarget(name: "AMQPWireTests", dependencies: ["AMQPWire"]),
        // For measuring alone, in release: swift run -c release BrokerSpeed.
        .executableTarget(
            name: "BrokerSpeed",
            dependencies: ["AMQPBroker", "AMQPBrokerServer", "AMQPWire"],
            path: "Tests/BrokerSpeed"
        ),
        // The embedded broker for tests that take AMQP_URL.
        .executableTarget(
            name: "BrokerDoor",
            dependencies: ["AMQPBroker", "AMQPBrokerServer"],
            path: "Tests/BrokerDoor"
        ),
        // The same scripts for it and for a RabbitMQ; the command of ops/differential.
        .target(name: "Differential", dependencies: ["AMQPBroker", "AMQPWire"], path: "Tests/Differential/Kit"),
        .executableTarget(
            name: "DifferentialRun",
            dependencies: ["AMQPBroker", "Differential"],
            path: "Tests/Differential/Run"
        ),
        .testTarget(
            name: "AMQPBrokerTests",
            dependencies: ["AMQPBroker", "AMQPClient", "AMQPWire", "Differential", "TestSupport"]
        ),
        .testTarget(
            name: "AMQPBrokerServerTests",
            dependencies: [
                "AMQPBroker", "AMQPBrokerServer", "AMQPClient", "AMQPCore", "AMQPWire", "TestSupport", logging,
            ] + nio
        ),
        // Client machines against the embedded broker, in virtual time, from a seed.
        .target(
            name: "SimulatedWorld",
            dependencies: ["AMQPCore", "AMQPBroker", "AMQPWire"],
            path: "Tests/Simulation/World"
        ),
        // Threads of which one runs at a time, as a seed says; and the whole supervisor on them. In debug builds alone.
        .target(
            name: "SimulatedThreads",
            dependencies: ["AMQPCore", "SimulatedWorld"],
            path: "Tests/Simulation/Threads"
        ),
        .target(
            name: "SimulatedSupervisor",
            dependencies: [
                "SimulatedThreads", "SimulatedWorld", "AMQPCore", "AMQPClient", "AMQPBroker", "AMQPWire", "CAMQPSystem",
                "Millrace", "MillraceHandler", logging, .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Tests/Simulation/Supervisor"
        ),
        .executableTarget(
            name: "Simulate",
            dependencies: ["SimulatedWorld", "SimulatedThreads", "SimulatedSupervisor"],
            path: "Tests/Simulation/Command"
        ),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["SimulatedWorld", "SimulatedThreads", "SimulatedSupervisor", "AMQPCore"],
            path: "Tests/Simulation/Tests"
        ),
        .target(name: "TestSupport", dependencies: ["AMQPWire", "AMQPClient", logging] + nio, path: "Tests/Support"),
        .target(name: "FuzzTargets", dependencies: ["AMQPWire", "AMQPCore"], path: "Tests/Fuzz/Targets"),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/CorpusTests"),
        .testTarget(name: "AMQPCoreTests", dependencies: ["AMQPCore", "AMQPWire", "TestSupport"]),
        .testTarget(
            name: "AMQPClientTests",
            dependencies: ["AMQPClient", "AMQPCore", "AMQPWire", "CAMQPSystem", "TestSupport", logging] + nio
        ),
        .testTarget(
            name: "MillraceHandlerTests",
            dependencies: ["MillraceHandler", "MillraceTracing", "CMillraceABI", tracing]
        ),
        .testTarget(
            name: "MillraceTestingTests",
            dependencies: ["MillraceTesting", "MillraceHandler", "CMillraceABI"]
        ),
        .testTarget(
            name: "MillraceTestRunTests",
            dependencies: ["MillraceTestRun", "MillraceTesting", "MillraceHandler", "Millrace", "TestSupport"]
        ),
        .testTarget(
            name: "MillraceExecTests",
            dependencies: ["MillraceExec", "Millrace", "MillraceTesting", "MillraceHandler", "TestSupport", logging]
        ),
        .testTarget(
            name: "MillraceClientTests",
            dependencies: [
                "MillraceClient", "MillraceHandler", "MillraceMessages", "AMQPClient", "AMQPWire", "TestSupport",
                logging,
                tracing, lifecycle,
            ] + nio
        ),
        .testTarget(name: "ExamplesTests", dependencies: ["Examples", "MillraceTesting", "MillraceHandler"]),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "AMQPClient", "AMQPWire", "Millrace", "MillraceAdmin", "MillraceClient", "MillraceHandler",
                "MillraceTesting", "CMillraceABI", "TestSupport",
                logging,
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ] + nio
        ),
        .testTarget(
            name: "MillraceCLITests",
            dependencies: [
                "MillraceCLI", "Millrace", "MillraceMessages", "AMQPBroker", "AMQPClient", "AMQPWire", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ] + nio
        ),
        .testTarget(
            name: "MillraceEmbeddedTests",
            dependencies: [
                "MillraceEmbedded", "Millrace", "AMQPBroker", "AMQPBrokerServer", "AMQPClient", "AMQPWire",
                "TestSupport",
                logging,
            ]
        ),
        .testTarget(
            name: "MillraceAdminTests",
            dependencies: ["MillraceAdmin", "Millrace", "TestSupport"]
        ),
        .testTarget(
            name: "MillraceTests",
            dependencies: [
                "Millrace", "MillraceMessages", "AMQPClient", "AMQPWire", "TestSupport", logging,
                .product(name: "Metrics", package: "swift-metrics"),
            ],
            exclude: ["JobFile/Fixtures", "Plugins/Fixtures", "CrashLedger/Fixtures", "Schedules/Fixtures"]
        ),
    ]
)

// For ops/fuzz alone: nothing else is built with a sanitizer.
let fuzzed = Context.environment["MILLRACE_FUZZ"] != nil
if fuzzed {
    for name in ["Decoder", "Client"] {
        package.targets.append(
            .executableTarget(
                name: "Fuzz\(name)",
                dependencies: ["FuzzTargets"],
                path: "Tests/Fuzz/\(name)",
                linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]
            )
        )
    }
}

// One place for the settings of every Swift target. Warnings are errors in CI and ops/test only:
// set always, the flag can break packages that depend on this one.
let strict = Context.environment["MILLRACE_STRICT"] != nil
let inC = ["CLibYAML", "CAMQPSystem", "CMillraceABI", "CMillraceSystem"]
for target in package.targets where !inC.contains(target.name) {
    var settings = target.swiftSettings ?? []
    settings += [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
    if fuzzed, target.name.hasPrefix("AMQP") || target.name.hasPrefix("Fuzz") {
        settings.append(.unsafeFlags(["-sanitize=fuzzer,address"]))
    }
    if strict { settings.append(.treatAllWarnings(as: .error)) }
    target.swiftSettings = settings
}
