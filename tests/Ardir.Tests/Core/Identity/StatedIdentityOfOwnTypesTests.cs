using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Types as users write them: sets and dictionaries have no order, and no value may be left out of the text without a refusal.</summary>
public sealed class StatedIdentityOfOwnTypesTests
{
    [Fact]
    public void Of_SetsAndDictionaries_HasAnOrderOfItsOwn()
    {
        // The order of immutable and frozen sets of texts follows hashes, which differ from process to process.
        string[] names = ["delta", "alpha", "echo", "charlie", "bravo", "golf", "foxtrot", "hotel"];
        const string Expected = "[alpha, bravo, charlie, delta, echo, foxtrot, golf, hotel]";
        StatedIdentity.Of(names.ToImmutableHashSet()).Should().Be(Expected);
        StatedIdentity.Of(names.ToFrozenSet()).Should().Be(Expected);
        StatedIdentity.Of(names.ToHashSet()).Should().Be(Expected);
        StatedIdentity.Of(names).Should().StartWith("[delta, alpha", "a list has an order that may matter");
        const string Pairs = "[[alpha, 5], [bravo, 5], [charlie, 7], [delta, 5], [echo, 4], [foxtrot, 7], [golf, 4], [hotel, 5]]";
        StatedIdentity.Of(names.ToImmutableDictionary(name => name, name => name.Length)).Should().Be(Pairs);
        StatedIdentity.Of(names.ToFrozenDictionary(name => name, name => name.Length)).Should().Be(Pairs);
        StatedIdentity.Of(names.ToDictionary(name => name, name => name.Length)).Should().Be(Pairs);
    }

    [Fact]
    public void Of_ARecordThatIsALoss_DoesNotDependOnTheOrderOfItsPasses()
    {
        StatedIdentity.Of(new RecordLoss(0.5)).Should().Contain(
            "Passes = [NetworkPass { Images = ImageSource { Against = NetworkRole { Name = student }, View =  }, Network = NetworkRole { Name = student } }, " +
            "NetworkPass { Images = ImageSource { Against = null, View =  }, Network = NetworkRole { Name = student } }, " +
            "NetworkPass { Images = ImageSource { Against = null, View =  }, Network = NetworkRole { Name = teacher } }]").And.Contain("Weight = 0.5");
    }

    [Fact]
    public void Of_ValuesOfDictionariesAndPairs_AreExamined()
    {
        StatedIdentity.Of(new Dictionary<string, double[]> { ["a"] = [1, 2.5] }).Should().Be("[[a, [1, 2.5]]]");
        StatedIdentity.Of(KeyValuePair.Create("a", new[] { 1, 2 })).Should().Be("[a, [1, 2]]");
        StatedIdentity.FindHidden(new Dictionary<string, Hiding> { ["a"] = new(1) }).Should().BeOfType<Hiding>();
        StatedIdentity.FindHidden(new[] { KeyValuePair.Create("a", new Hiding(1)) }).Should().BeOfType<Hiding>();
    }

    [Fact]
    public void Of_AnonymousOptions_ShowsWhatTheirListsHold()
    {
        StatedIdentity.Of(new { Steps = 3, Sizes = new[] { 0.5, 1 } }).Should().Be("{ Sizes = [0.5, 1], Steps = 3 }");
        StatedIdentity.FindHidden(new { Inner = new Hiding(1) }).Should().BeOfType<Hiding>();
    }

    [Fact]
    public void Of_Records_ShowsPublicFieldsAndRefusesValuesThatNoPropertyShows()
    {
        StatedIdentity.Of(new WithField(0.5)).Should().Be("WithField { Weight = 0.5 }");
        StatedIdentity.Of(new Backed { Share = 0.25 }).Should().Be("Backed { Share = 0.25 }", "its field is that of the property");
        StatedIdentity.Of(new Named(3)).Should().Be("Named { Scale = 3 }", "its field has the name of the property");
        FluentActions.Invoking(() => StatedIdentity.Of(new Secret(0.5))).Should().Throw<InvalidOperationException>()
            .WithMessage("*Secret*no public property shows*Make them public properties*IStatesIdentity*");
        StatedIdentity.FindHidden(new SecretHeir(0.5)).Should().BeOfType<SecretHeir>();
    }

    [Fact]
    public void Of_HeirOfATypeWithAText_MustNotAddValues()
    {
        StatedIdentity.Of(new Heir()).Should().Be("telling");
        StatedIdentity.FindHidden(new AddingHeir(2)).Should().BeOfType<AddingHeir>();
        StatedIdentity.Of(DayOfWeek.Friday).Should().Be("Friday");
    }

    private sealed record RecordLoss(double Weight) : IDistillationLoss
    {
        public string Name => "record";

        public DistillationNeeds Needs { get; } = new()
        {
            Passes = [NetworkPass.TeacherClean, NetworkPass.StudentClean, NetworkPass.StudentAdversarial],
        };

        public LossTerms Compute(DistillationInputs inputs) => throw new NotSupportedException();
    }

    [SuppressMessage("Design", "CA1051", Justification = "What users may write.")]
    private sealed record WithField
    {
        public readonly double Weight;

        public WithField(double weight) => Weight = weight;
    }

    private sealed record Backed
    {
        private readonly double _twice;

        public double Share { get => _twice / 2; init => _twice = value * 2; }
    }

    private sealed record Named
    {
        private readonly int _scale;

        public Named(int scale) => _scale = scale;

        public int Scale => _scale;
    }

    private record Secret
    {
        private readonly double _weight;

        public Secret(double weight) => _weight = weight;

        public double Twice(double value) => value * _weight * 2;
    }

    private sealed record SecretHeir(double Value) : Secret(Value);

    private sealed class Hiding(int steps)
    {
        public int Steps => steps;
    }

    private class Telling
    {
        public override string ToString() => "telling";
    }

    private sealed class Heir : Telling;

    private sealed class AddingHeir(int steps) : Telling
    {
        public int Steps => steps;
    }
}
