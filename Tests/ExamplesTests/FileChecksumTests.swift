import Examples
import Testing

@Suite
struct FileChecksumTests {
    private static let root = "\(SampleData.root)/Examples/sample-data/files"

    /// The digests are those of sha256sum.
    @Test(arguments: [
        ("empty.txt", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("one-octet.bin", 1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        ("with space.txt", 20, "ef74fb330de9985464940157c134286c71a252a4f5f469424524e4e16138d373"),
        ("measurements.csv", 296906, "9a7dfa43623bf548278db74221e519b263b8fb96c6633127297a55e3dd4b76ff"),
    ])
    func `the digest and the length of a file`(name: String, bytes: Int, sha256: String) async throws {
        let checksum = try await FileChecksum(of: name, below: Self.root)
        #expect(checksum.file == name)
        #expect(checksum.bytes == bytes)
        #expect(checksum.sha256 == sha256)
    }

    @Test(arguments: [1, 7, 20, 21])
    func `the size of the chunks does not matter`(chunkBytes: Int) async throws {
        let checksum = try await FileChecksum(of: "with space.txt", below: Self.root, chunkBytes: chunkBytes)
        #expect(checksum.sha256 == "ef74fb330de9985464940157c134286c71a252a4f5f469424524e4e16138d373")
    }

    @Test func `it ends between two chunks when its task is cancelled`() async {
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await FileChecksum(of: "measurements.csv", below: Self.root)
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `the checksum as JSON has sorted keys and plain slashes`() async throws {
        let checksum = try await FileChecksum(of: "files/one-octet.bin", below: "\(Self.root)/..")
        let expected =
            #"{"bytes":1,"file":"files/one-octet.bin","sha256":"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"}"#
        #expect(String(decoding: try checksum.json(), as: UTF8.self) == expected)
    }
}
