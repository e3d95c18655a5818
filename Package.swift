// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "millrace",
    products: [
        .library(name: "AMQPWire", targets: ["AMQPWire"]),
        .library(name: "AMQPClient", targets: ["AMQPClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .target(name: "CMillraceABI"),
        .target(name: "AMQPWire"),
        .target(
            name: "AMQPClient",
            dependencies: [
                "AMQPWire",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .testTarget(name: "AMQPWireTests", dependencies: ["AMQPWire"]),
    ]
)

// One place for the settings of every Swift target. Warnings are errors in CI and ops/test only:
// set always, the flag can break packages that depend on this one.
let strict = Context.environment["MILLRACE_STRICT"] != nil
for target in package.targets where target.type != .system && !target.name.hasPrefix("C") {
    var settings = target.swiftSettings ?? []
    settings += [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
    if strict { settings.append(.treatAllWarnings(as: .error)) }
    target.swiftSettings = settings
}
