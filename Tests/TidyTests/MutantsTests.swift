import Foundation
import Testing

/// The planted faults of `ops/mutants` are faults of the code that is there.
@Suite struct MutantsTests {
    private static let folder = Repository.root + "Tests/Mutants/"
    private static let patches = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()

    /// `TARGET.SUITE` of all tests.
    private static let suites: Set<String> = {
        var suites: Set<String> = []
        for (path, text) in Repository.everything where path.hasPrefix("Tests/") && path.hasSuffix("Tests.swift") {
            let isSimulated = path.hasPrefix("Tests/Simulation/Tests/")
            let target = isSimulated ? "SimulationTests" : path.split(separator: "/")[1]
            let found = (try? Repository.hits("(?:struct|class) (\\w+)", in: text)) ?? []
            suites.formUnion(found.map { "\(target).\($0.groups[1])" })
        }
        return suites
    }()

    @Test func `there are many, and all are patches`() {
        #expect(Self.patches.count >= 60)
        #expect(Self.patches.allSatisfy { $0.hasSuffix(".patch") })
    }

    @Test(arguments: patches) func `each says what is wrong and who finds it, and changes one file`(patch: String)
        throws
    {
        let text = try String(contentsOfFile: Self.folder + patch, encoding: .utf8)
        #expect(text.first?.isUppercase == true, "\(patch) begins with what is wrong")
        let finds = try Repository.hits("(?m)^Finds: (\\w+)\\.\\(?(\\w+)", in: text)
        let names = try #require(finds.first?.groups, "\(patch) has no line 'Finds: TARGET.SUITE'")
        #expect(finds.count == 1)
        #expect(
            Self.suites.contains("\(names[1]).\(names[2])"),
            "\(patch): there is no suite \(names[2]) in \(names[1])"
        )
        #expect(try Repository.hits("(?m)^\\+\\+\\+ b/Sources/", in: text).count == 1, "\(patch): one fault, one file")
    }

    @Test(arguments: patches) func `each fits the code: mend it, or take it away with what it was about`(patch: String)
        throws
    {
        let git = Process()
        git.executableURL = URL(filePath: "/usr/bin/env")
        git.arguments = ["git", "apply", "--check", Self.folder + patch]
        git.currentDirectoryURL = URL(filePath: Repository.root)
        git.standardError = FileHandle.nullDevice
        try git.run()
        git.waitUntilExit()
        #expect(git.terminationStatus == 0, "git apply --check Tests/Mutants/\(patch)")
    }
}
