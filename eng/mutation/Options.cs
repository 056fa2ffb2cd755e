using System.Globalization;

namespace Ardir.Mutation;

/// <summary>The command line.</summary>
/// <param name="Folders">Names in folders.json; all when empty.</param>
/// <param name="Seed">Of the order in which mutants are tried.</param>
/// <param name="Sample">How many mutants of each folder; all when null.</param>
/// <param name="Minutes">After which a folder's run ends, once its tests have run without mutants.</param>
/// <param name="KnownOnly">Only those that an earlier run tried and did not kill.</param>
/// <param name="Save">Where the table goes.</param>
internal sealed record Options(List<string> Folders, int Seed, int? Sample, double Minutes, bool KnownOnly, string? Save)
{
    public const string Usage = """
        dotnet run -c Release --project eng/mutation -- [folder ...]
          [--minutes M] [--sample N] [--seed S] [--survivors] [--save benchmarks/results/mutation.md]
        Build the tests first: dotnet build -c Release tests/Ardir.Tests
        """;

    public static Options? Parse(string[] arguments)
    {
        var options = new Options([], 1, null, double.PositiveInfinity, false, null);
        for (var i = 0; i < arguments.Length; i++)
        {
            string? Value() => ++i < arguments.Length ? arguments[i] : null;
            switch (arguments[i])
            {
                case "--survivors": options = options with { KnownOnly = true }; break;
                case "--save" when Value() is { } path: options = options with { Save = path }; break;
                case "--seed" when int.TryParse(Value(), CultureInfo.InvariantCulture, out var seed):
                    options = options with { Seed = seed };
                    break;
                case "--sample" when int.TryParse(Value(), CultureInfo.InvariantCulture, out var count):
                    options = options with { Sample = count };
                    break;
                case "--minutes" when double.TryParse(Value(), CultureInfo.InvariantCulture, out var minutes):
                    options = options with { Minutes = minutes };
                    break;
                case var name when !name.StartsWith('-'): options.Folders.Add(name); break;
                default: return null;
            }
        }
        return options;
    }
}
