import Examples
import FoundationEssentials
import Testing

@Suite
struct PostageTests {
    private static func shipment(_ parcels: String, carrier: String = "post") throws -> Shipment {
        let json = #"{"id":"s1","carrier":"\#(carrier)","parcels":[\#(parcels)]}"#
        return try JSONDecoder().decode(Shipment.self, from: Data(json.utf8))
    }

    @Test(arguments: [
        ("post", #"{"grams":1}"#, 1, 1, 540), ("post", #"{"grams":1000}"#, 1, 1000, 540),
        ("post", #"{"grams":1001,"count":2}"#, 2, 2002, 1180),
        ("courier", #"{"grams":70000},{"grams":500,"count":3}"#, 4, 71_500, 6790 + 3 * 1270),
    ])
    func `parcels and kilograms begun have their prices`(
        carrier: String,
        parcels: String,
        count: Int,
        grams: Int,
        cents: Int
    ) throws {
        let postage = try Postage(for: try Self.shipment(parcels, carrier: carrier))
        #expect(postage.shipment == "s1")
        #expect(postage.carrier.rawValue == carrier)
        #expect(postage.parcels == count)
        #expect(postage.grams == grams)
        #expect(postage.cents == cents)
    }

    @Test(arguments: [
        ("", "parcels: there are none"), (#"{"grams":0}"#, "parcels[0].grams: 0 is not 1...31500"),
        (#"{"grams":5},{"grams":31501}"#, "parcels[1].grams: 31501 is not 1...31500"),
        (#"{"grams":5,"count":0}"#, "parcels[0].count: is 0"),
        (
            #"{"grams":5,"count":255},{"grams":5,"count":255},{"grams":5,"count":255},{"grams":5,"count":255}"#,
            "parcels: more than 1000"
        ),
    ])
    func `what the carrier does not take says why`(parcels: String, reason: String) throws {
        let shipment = try Self.shipment(parcels)
        let error = #expect(throws: Postage.Refusal.self) { try Postage(for: shipment) }
        #expect(error?.description == reason)
    }
}
