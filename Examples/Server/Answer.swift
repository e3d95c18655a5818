import FoundationEssentials

/// What the server answers: a status of HTTP, and a value in JSON.
struct Answer: Sendable {
    let status: Int
    let body: [UInt8]

    init(_ status: Int, _ value: some Encodable) {
        self.status = status
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        self.body = (try? encoder.encode(value)).map { Array($0) } ?? []
    }

    /// What is wrong.
    init(_ status: Int, error: String) { self.init(status, ["error": error]) }
}
