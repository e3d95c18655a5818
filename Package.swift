// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "millrace",
    products: [
        .library(name: "AMQPWire", targets: ["AMQPWire"])
    ],
    dependencies: [],
    targets: [
        .target(name: "AMQPWire"),
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
