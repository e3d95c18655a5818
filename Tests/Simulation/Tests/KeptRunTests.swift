import Foundation
import SimulatedWorld
import Testing

/// Runs that once broke a rule.
@Suite struct KeptRunTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Seeds")

    @Test func `each run that was kept does what it should`() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path()).filter {
            $0.hasSuffix(".json")
        }
        #expect(names.count >= Mutant.allCases.count)
        for name in names.sorted() {
            let kept = try KeptRun(json: Data(contentsOf: Self.folder.appending(path: name)))
            #expect(kept.complaint() == nil, "\(name): \(kept.note)")
            #expect(try KeptRun(json: kept.json()) == kept)
        }
    }

    @Test func `there is one for each planted mistake`() throws {
        for mutant in Mutant.allCases {
            let file = Self.folder.appending(path: "mutant-\(mutant.rawValue).json")
            #expect(try KeptRun(json: Data(contentsOf: file)).simulation.mutant == mutant)
        }
    }
}
