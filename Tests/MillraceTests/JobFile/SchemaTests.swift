import Foundation
import Millrace
import Testing

/// The JSON Schema that editors use says the same as the decoder's key lists.
@Suite struct SchemaTests {
    private func schema() throws -> [String: Any] {
        let path = JobFileFixture.package + "/Sources/Millrace/Resources/jobs.schema.json"
        let bytes = try #require(JobFileFixture.bytes(path))
        return try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    private static let sets: [(name: String?, keys: KeySet)] = [
        (nil, .root), ("connection", .connection), ("tls", .tls), ("recovery", .recovery), ("exchange", .exchange),
        ("queue", .queue),
        ("binding", .binding), ("dead_letter", .deadLetter), ("defaults", .defaults), ("job", .job), ("ack", .ack),
        ("publish", .publish), ("publish_batch", .publishBatch), ("retry", .retry), ("rate_limit", .rateLimit),
        ("circuit", .circuit),
        ("handler_batch", .handlerBatch), ("crash_ledger", .crashLedger), ("control", .control), ("admin", .admin),
        ("thread_range", .threads),
        ("exec", .exec), ("exec_output", .execOutput),
        ("schedule", .schedule), ("names", .names),
    ]

    @Test func `every mapping has the decoder's keys, required keys, and no others`() throws {
        let schema = try self.schema()
        let definitions = try #require(schema["$defs"] as? [String: [String: Any]])
        #expect(Self.sets.count == KeySet.all.count)
        for (name, keys) in Self.sets {
            let part = try #require(name.map { definitions[$0] } ?? schema, "no $defs/\(name ?? "")")
            let properties = try #require(part["properties"] as? [String: Any])
            #expect(Set(properties.keys) == Set(keys.keys), "\(keys.place)")
            #expect(Set(part["required"] as? [String] ?? []) == Set(keys.required), "\(keys.place)")
            #expect(part["additionalProperties"] as? Bool == false, "\(keys.place)")
        }
    }

    @Test func `the schema in the code is the file, octet for octet`() throws {
        let file = try #require(
            JobFileFixture.text(JobFileFixture.package + "/Sources/Millrace/Resources/jobs.schema.json")
        )
        #expect(JobFile.schema == file)
        #expect(file.hasSuffix("}\n"))
    }

    @Test func `every reference in the schema leads somewhere`() throws {
        let schema = try self.schema()
        let definitions = try #require(schema["$defs"] as? [String: Any])
        var references: [String] = []
        func collect(_ value: Any) {
            if let object = value as? [String: Any] {
                if let reference = object["$ref"] as? String { references.append(reference) }
                object.values.forEach(collect)
            }
            if let list = value as? [Any] { list.forEach(collect) }
        }
        collect(schema)
        #expect(references.count > 20)
        for reference in references {
            #expect(definitions[String(reference.dropFirst("#/$defs/".count))] != nil, "\(reference)")
        }
    }

    @Test func `no key is also a foreign word where it is known, and every foreign word has a key`() {
        for set in KeySet.all {
            for key in set.keys { #expect(set.notYet[key] == nil, "\(key)") }
        }
        for word in ForeignWord.words {
            #expect(KeySet.all.contains { ForeignWord.find(word, in: $0) != nil }, "\(word) means nothing anywhere")
        }
    }
}
