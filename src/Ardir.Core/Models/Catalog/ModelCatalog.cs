namespace Ardir.Core;

/// <summary>Finds out, from the names and shapes of a checkpoint's entries, which network of this library it belongs to.</summary>
public static class ModelCatalog
{
    private const int Listed = 8;

    /// <summary>Guesses the network. Prefixes of wrappers (<c>module.</c>, <c>_orig_mod.</c>, <c>model.</c>, <c>network.</c>,
    /// <c>basic_net.</c>, <c>net.</c>, <c>0.</c>, <c>1.</c>), buffers of normalisers and the group <c>sub_block1</c> are ignored, as when
    /// weights are loaded; counters of batch norms may be missing.</summary>
    /// <param name="shapes">The shape of each entry by name.</param>
    /// <returns>The guess; never null. Architecture <c>unknown</c> when nothing fits.</returns>
    /// <exception cref="ArgumentException">An entry has no shape.</exception>
    /// <example><code>
    /// ModelGuess guess = ModelCatalog.Detect(model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.shape));
    /// using var net = guess.Create();
    /// </code></example>
    public static ModelGuess Detect(IReadOnlyDictionary<string, long[]> shapes)
    {
        ArgumentNullException.ThrowIfNull(shapes);
        var names = new StateNames(shapes);
        // The best fit is chosen, because families share entry names and a family may therefore match another one's entries.
        return ModelFamilies.All.Select(family => family(names)).OfType<ModelMatch>().Select(match => Compare(match, names))
            .OrderByDescending(guess => guess.Certainty != ModelCertainty.Partial)
            .ThenBy(guess => guess.Missing.Count + guess.Unexpected.Count + guess.Mismatched.Count)
            .FirstOrDefault() ?? Unknown(names);
    }

    /// <summary>Guesses the network that weights from a file belong to, as the overload for shapes does, and reads the normalisation that
    /// came with them.</summary>
    /// <param name="weights">The weights.</param>
    /// <returns>The guess; never null.</returns>
    public static ModelGuess Detect(StateDict weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        var guess = Detect(weights.ToDictionary(entry => entry.Key, entry => entry.Value.shape, StringComparer.Ordinal));
        // DeepMind's networks have a built-in normalisation and must not be wrapped in a second one.
        var isBuiltIn = guess.Architecture.StartsWith("DeepMind", StringComparison.Ordinal);
        return guess with { Normalization = isBuiltIn ? null : FileStatistics.Of(weights).Usable(guess.InputChannels) };
    }

    private static ModelGuess Compare(ModelMatch match, StateNames names)
    {
        var expected = match.Shapes.Entries;
        string[] missing = [.. expected.Keys.Where(name => !names.Has(name) && !WeightNames.IsCounter(name))];
        string[] unexpected = [.. names.Entries.Keys.Where(name => !expected.ContainsKey(name)), .. names.Collisions];
        string[] mismatched = [.. names.Entries
            .Where(entry => expected.TryGetValue(entry.Key, out var shape) && !Fits(entry.Key, entry.Value, shape))
            .Select(entry => $"{entry.Key} is {Text(entry.Value)}, {match.Architecture} has {Text(expected[entry.Key])}")];
        var whole = missing.Length + unexpected.Length + mismatched.Length == 0;
        return new ModelGuess
        {
            Architecture = match.Architecture,
            Certainty = !whole ? ModelCertainty.Partial : match.Candidates.Count > 1 ? ModelCertainty.Ambiguous : ModelCertainty.Exact,
            Candidates = match.Candidates,
            Classes = match.Classes,
            InputChannels = match.InputChannels,
            Missing = missing,
            Unexpected = unexpected,
            Mismatched = mismatched,
            Reasons =
            [
                .. Fit(match, names, whole),
                .. List("Missing", missing),
                .. List("Unexpected", unexpected),
                .. List("Other shapes", mismatched),
                .. match.Notes,
            ],
        };
    }

    private static IEnumerable<string> Fit(ModelMatch match, StateNames names, bool whole)
    {
        if (whole)
        {
            yield return $"All {names.Entries.Count} entries are those of {match.Architecture} for {match.Classes} classes and " +
                $"{match.InputChannels} channels.";
        }
        if (whole && match.Candidates.Count > 1)
        {
            yield return $"{match.Candidates.Count} networks have exactly these entries, and weights of one load into another without " +
                "an error: compare clean accuracies.";
        }
        if (names.Stripped.Length > 0) yield return $"Names begin with '{names.Stripped}', which was passed over.";
        if (names.HasStatistics)
        {
            yield return "There are buffers of a normaliser: the network expects normalised input; wrap it in Normalize with their " +
                "values.";
        }
        if (names.HasUnusedGroup) yield return "The group sub_block1 was passed over: the code that saved it never uses it.";
    }

    private static ModelGuess Unknown(StateNames names)
    {
        string[] first = [.. names.Entries.Keys.Order(StringComparer.Ordinal).Take(Listed)];
        string[] hints =
        [
            .. names.Entries.Count == 0
                ? ["The dictionary is empty."]
                : new[] { $"The first entries are {string.Join(", ", first)}." },
            .. names.Has("layer1.0.conv3.weight")
                ? ["Bottleneck blocks (ResNet-50 and deeper) are not among the networks here."]
                : Array.Empty<string>(),
            .. names.Has("fc.weight") && names.Has("layer1.0.conv1.weight")
                ? ["It looks like an ImageNet ResNet of torchvision, which is not among the networks here."]
                : Array.Empty<string>(),
            "Known are PreActResNet, ResNet, WideResNet, MobileNetV2, DeepMind's PreActResNet and WideResNet, and SmallCnn.",
        ];
        return new ModelGuess { Architecture = "unknown", Certainty = ModelCertainty.Unknown, Reasons = hints };
    }

    // Counters are scalars; some writers store them with one element.
    private static bool Fits(string name, long[] actual, long[] expected) =>
        actual.AsSpan().SequenceEqual(expected) || (WeightNames.IsCounter(name) && actual is [1]);

    private static IEnumerable<string> List(string what, string[] names)
    {
        var more = names.Length > Listed ? ", ..." : "";
        if (names.Length > 0) yield return $"{what} ({names.Length}): {string.Join(", ", names.Take(Listed))}{more}.";
    }

    private static string Text(long[] shape) => $"[{string.Join(',', shape)}]";
}
