using System.Text.Json;

namespace Ardir.Tests;

/// <summary>The list of changes that no test can notice (eng/mutation) stands or falls with the lines that it speaks of.</summary>
public sealed class MutationListTests
{
    [Fact]
    public void Equivalents_SpeakOfLinesThatAreThere_AndGiveAReason()
    {
        using var list = JsonDocument.Parse(File.ReadAllText(Path.Combine(RepositoryRulesTests.Root, "eng/mutation/equivalent.json")));
        var lines = RepositoryRulesTests.Sources("src").ToLookup(file => Path.GetFileName(file), file => Dense(File.ReadAllText(file)), StringComparer.Ordinal);
        foreach (var entry in list.RootElement.EnumerateArray())
        {
            var (file, line) = (entry.GetProperty("File").GetString()!, entry.GetProperty("Line").GetString()!);
            lines[file].Should().Contain(text => text.Contains(Dense(line), StringComparison.Ordinal), "{0} is said to contain '{1}'", file, line);
            entry.GetProperty("Reason").GetString().Should().Match(reason => reason.Length > 20);
        }
    }

    // A line may have been wrapped since, which changes no mutant.
    private static string Dense(string code) => string.Concat(code.Where(letter => !char.IsWhiteSpace(letter)));
}
