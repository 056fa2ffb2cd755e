using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ardir.Distillation;

/// <summary>Lets a plan say <c>"8/255"</c> for a number, and writes whole multiples of 1/255 that way, which is exact.</summary>
internal sealed class FractionJson : JsonConverter<double>
{
    private const int PixelLevels = 255;

    public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.Number) return reader.GetDouble();
        var text = reader.TokenType == JsonTokenType.String ? reader.GetString()! : reader.TokenType.ToString();
        var parts = text.Split('/');
        return parts.Length == 2 && TryNumber(parts[0], out var above) && TryNumber(parts[1], out var below) && below != 0
            ? above / below
            : throw new JsonException($"'{text}' is neither a number nor a fraction such as \"8/255\".");
    }

    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
    {
        var levels = Math.Round(value * PixelLevels);
        if (levels is > 0 and < PixelLevels && levels / PixelLevels == value)
            writer.WriteStringValue(string.Create(CultureInfo.InvariantCulture, $"{levels}/{PixelLevels}"));
        else
            writer.WriteNumberValue(value);
    }

    private static bool TryNumber(string text, out double number) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);
}
