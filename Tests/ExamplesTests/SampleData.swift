import Examples
import FoundationEssentials

/// The sample data of the repository.
enum SampleData {
    struct Counts: Codable, Equatable {
        let acked: Int
        let rejected: Int
    }

    /// The repository's folder, which the names in checksums.txt are relative to.
    static var root: String {
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    }

    static func octets(_ name: String) throws -> Data {
        try Data(contentsOf: URL(filePath: "\(Self.root)/Examples/sample-data/\(name)"))
    }

    /// The messages in a file: its lines.
    static func messages(_ name: String) throws -> [[UInt8]] {
        try Self.octets(name).split(separator: 0x0A).map { Array($0) }
    }

    static func expected() throws -> [String: Counts] {
        try JSONDecoder().decode([String: Counts].self, from: Self.octets("EXPECTED.json"))
    }
}
