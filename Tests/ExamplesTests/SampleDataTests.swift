import Examples
import Testing

@Suite
struct SampleDataTests {
    @Test func `the sample log is acked and rejected as EXPECTED says`() throws {
        let reasons = try SampleData.messages("access.log").map { message -> String? in
            do throws(AccessLogLine.Malformed) {
                _ = try AccessLogSummary(String(decoding: message, as: UTF8.self))
                return nil
            } catch {
                return error.description
            }
        }
        let expected = try #require(try SampleData.expected()["access_log"])
        #expect(Self.count(reasons) == expected)
        #expect(Set(reasons.compactMap { $0 }).count >= 9, "every kind of damage is in the sample")
    }

    @Test func `the sample orders are acked and rejected as EXPECTED says`() throws {
        let reasons = try SampleData.messages("orders.jsonl").map { message -> String? in
            do throws(Order.Invalid) {
                _ = try Invoice(try Order.decode(message), taxPermille: 190)
                return nil
            } catch {
                return error.description
            }
        }
        let expected = try #require(try SampleData.expected()["orders"])
        #expect(Self.count(reasons) == expected)
        #expect(Set(reasons.compactMap { $0 }).count >= 19, "every kind of damage is in the sample")
    }

    @Test func `the sample files are acked and rejected as EXPECTED says`() async throws {
        var reasons: [String?] = []
        for message in try SampleData.messages("checksums.txt") {
            do {
                _ = try await FileChecksum(of: String(decoding: message, as: UTF8.self), below: SampleData.root)
                reasons.append(nil)
            } catch let error as BoundedFile.Unreadable {
                reasons.append(error.description)
            }
        }
        let expected = try #require(try SampleData.expected()["checksums"])
        #expect(Self.count(reasons) == expected)
        #expect(Set(reasons.compactMap { $0 }).count == expected.rejected, "each bad name is bad in its own way")
    }

    private static func count(_ reasons: [String?]) -> SampleData.Counts {
        let rejected = reasons.count { $0 != nil }
        return SampleData.Counts(acked: reasons.count - rejected, rejected: rejected)
    }
}
