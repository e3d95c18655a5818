// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "millrace",
    products: [
        .library(name: "Millrace", targets: ["Millrace"])
    ],
    dependencies: [],
    targets: [
        .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .target(name: "Millrace", dependencies: ["CLibYAML"], exclude: ["Resources"]),
        .testTarget(name: "MillraceTests", dependencies: ["Millrace"], exclude: ["JobFile/Fixtures"]),
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
