using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ardir.Distillation;

/// <summary>Reads and writes the settings of a method as a JSON object.</summary>
internal sealed class SettingsJson : JsonConverter<MethodSettings>
{
    public override MethodSettings Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            throw new JsonException("The settings of a method are an object such as { \"beta\": 0.6 }.");
        return new MethodSettings(document.RootElement.EnumerateObject()
            .Select(property => new KeyValuePair<string, JsonElement>(property.Name, property.Value.Clone())).ToList());
    }

    public override void Write(Utf8JsonWriter writer, MethodSettings value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var (name, element) in value.Values)
        {
            writer.WritePropertyName(name);
            element.WriteTo(writer);
        }
        writer.WriteEndObject();
    }
}
