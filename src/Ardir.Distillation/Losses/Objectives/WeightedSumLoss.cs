using System.Collections.Immutable;
using System.Globalization;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// A weighted sum of losses: sum of w_i * L_i. The passes and layers of all terms are merged, so that each pass runs only once; each term
/// sees only the passes and the layers that it declared.
/// </summary>
/// <example><code>
/// IDistillationLoss loss = new WeightedSumLoss((1, new TradesLoss()), (0.5, new LpipsInternalLoss()));
/// </code></example>
public sealed class WeightedSumLoss : IDistillationLoss, IStatesIdentity
{
    private readonly (double Weight, IDistillationLoss Loss)[] _terms;
    private readonly DistillationNeeds _needs;
    private readonly InnerMaximization? _inner;

    /// <summary>Creates the sum.</summary>
    /// <param name="terms">Weight, positive and finite, and loss of each term.</param>
    /// <exception cref="ArgumentException">There is no term, a loss is null, or a weight is out of range.</exception>
    public WeightedSumLoss(params (double Weight, IDistillationLoss Loss)[] terms)
    {
        ArgumentNullException.ThrowIfNull(terms);
        if (terms.Length == 0) throw new ArgumentException("A weighted sum needs at least one term.", nameof(terms));
        foreach (var (weight, loss) in terms)
        {
            ArgumentNullException.ThrowIfNull(loss, nameof(terms));
            if (!(double.IsFinite(weight) && weight > 0))
            {
                throw new ArgumentOutOfRangeException(
                    nameof(terms), weight, $"The weight of {loss.Name} must be a positive finite number.");
            }
        }
        _terms = [.. terms];
        _needs = new DistillationNeeds
        {
            Passes = [.. terms.SelectMany(term => term.Loss.Needs.Passes)],
            Layers = United(terms.SelectMany(term => term.Loss.Needs.Layers)),
            InnerMaximizations = Prescribed(needs => needs.CraftedImages),
            InnerMaximization =
                terms.Select(term => term.Loss.Needs).FirstOrDefault(AttacksStudent)?.InnerMaximization
                ?? InnerMaximization.Default,
        };
        Trainable = TrainableParts.Of(terms.Select(term => term.Loss.Trainable));
    }

    /// <inheritdoc/>
    public string Name => string.Join(" + ", _terms.Select(term => term.Loss.Name));

    // The terms themselves, because one of them may hide its values.
    IReadOnlyList<object?> IStatesIdentity.IdentityParts => [_terms, _inner];

    /// <summary>How the adversarial images are crafted, which settles it where the terms declare different attacks; null for what the first
    /// term declares that uses the images, which is warned of where another one declares something else
    /// (<see cref="Warnings"/>).</summary>
    /// <value>null by default.</value>
    public InnerMaximization? Inner
    {
        get => _inner;
        init
        {
            _inner = value;
            if (value is null) return;
            _needs = _needs with { InnerMaximization = value, InnerMaximizations = Prescribed(needs => needs.InnerMaximizations.Keys) };
        }
    }

    /// <inheritdoc/>
    public DistillationNeeds Needs => _needs;

    /// <summary>The trainable parameters of all terms.</summary>
    public nn.Module? Trainable { get; }

    /// <summary>The warnings of all terms, and one where terms declare different attacks for the same images and <see cref="Inner"/> does
    /// not settle it.</summary>
    public IEnumerable<string> Warnings =>
        _terms.SelectMany(term => term.Loss.Warnings).Concat(Overruled()).Distinct(StringComparer.Ordinal);

    /// <summary>The loss of a batch.</summary>
    /// <param name="inputs">At least the passes of all terms.</param>
    /// <returns>Total and the terms' parts. A part name that several terms use is prefixed with the name of its loss and a slash; if
    /// several losses have that name, a number from 1 follows it: <c>TRADES/ce</c>, <c>ARD1/kl</c>, <c>ARD2/kl</c>.</returns>
    /// <exception cref="ArgumentException">A pass is missing or has an unexpected shape.</exception>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        using var scope = NewDisposeScope();
        var computed = _terms.Select(term => term.Loss.Compute(Only(inputs, term.Loss.Needs))).ToList();
        var total = computed[0].Total * _terms[0].Weight;
        for (var i = 1; i < computed.Count; i++) total = total + computed[i].Total * _terms[i].Weight;
        var parts = Named(computed);
        foreach (var part in parts.Values) part.MoveToOuterDisposeScope();
        return new LossTerms(total.MoveToOuterDisposeScope(), parts);
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var terms = _terms.Select(term => $"{term.Weight.ToString("R", CultureInfo.InvariantCulture)} * {term.Loss}");
        return $"{string.Join(" + ", terms)}{(_inner is null ? "" : $", {StatedIdentity.Of(_inner)}")}";
    }

    // Of each image the prescription of the first term that has one.
    private ImmutableDictionary<ImageSource, InnerMaximization> Prescribed(
        Func<DistillationNeeds, IEnumerable<ImageSource>> images) => _terms
        .Select(term => term.Loss.Needs)
        .SelectMany(needs => images(needs).Select(source => KeyValuePair.Create(source, needs.MaximizationOf(source))))
        .DistinctBy(pair => pair.Key)
        .ToImmutableDictionary();

    private IEnumerable<string> Overruled() =>
        from term in _terms
        from images in term.Loss.Needs.CraftedImages
        where _inner is null && term.Loss.Needs.MaximizationOf(images) != _needs.MaximizationOf(images)
        select $"The {images} are crafted as another term prescribes, not as {term.Loss.Name} does; set Inner to say how.";

    private static bool AttacksStudent(DistillationNeeds needs) =>
        needs.Passes.Any(pass => pass.Images.Against == NetworkRole.Student);

    private static ImmutableDictionary<NetworkRole, IReadOnlyList<string>> United(
        IEnumerable<KeyValuePair<NetworkRole, IReadOnlyList<string>>> layers) => layers
        .GroupBy(pair => pair.Key, pair => pair.Value)
        .ToImmutableDictionary(
            group => group.Key,
            group => (IReadOnlyList<string>)[.. group.SelectMany(names => names).Distinct(StringComparer.Ordinal)]);

    private static DistillationInputs Only(DistillationInputs inputs, DistillationNeeds needs) => inputs with
    {
        Outputs = inputs.Outputs.Where(pair => needs.Passes.Contains(pair.Key)).ToDictionary(
            pair => pair.Key,
            pair => new TappedOutput(pair.Value.Output, pair.Value.Features.Select(needs.LayersOf(pair.Key.Network)))),
    };

    private Dictionary<string, Tensor> Named(List<LossTerms> computed)
    {
        var uses = computed
            .SelectMany(terms => terms.Parts.Keys)
            .CountBy(name => name, StringComparer.Ordinal)
            .ToDictionary(StringComparer.Ordinal);
        var losses = _terms.CountBy(term => term.Loss.Name, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
        var result = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        for (var i = 0; i < computed.Count; i++)
        {
            var loss = _terms[i].Loss.Name;
            var number = _terms.Take(i + 1).Count(term => string.Equals(term.Loss.Name, loss, StringComparison.Ordinal));
            var prefix = losses[loss] == 1 ? $"{loss}/" : $"{loss}{number}/";
            foreach (var (name, value) in computed[i].Parts) result[uses[name] == 1 ? name : prefix + name] = value;
        }
        return result;
    }
}
