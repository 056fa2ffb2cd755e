using System.Globalization;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>The text by which a resumed run recognises its parts: what it shows, and what is refused because it would show too little.</summary>
public sealed class StatedIdentityTests
{
    private static readonly Dictionary<string, (object? Value, string Text)> _told = new()
    {
        ["nothing"] = (null, "null"),
        ["a text"] = ("text", "text"),
        ["a number"] = (0.1, "0.1"),
        ["an enumeration"] = (PerturbationNorm.L2, "L2"),
        ["a record"] = (new Told(0.5, 3), "Told { Steps = 3, Weight = 0.5 }"),
        ["a record struct"] = (new ToldValue(2), "ToldValue { Steps = 2 }"),
        ["a record in a record"] = (new Nesting(new Told(1, 2), [1, 2.5]), "Nesting { Inner = Told { Steps = 2, Weight = 1 }, Weights = [1, 2.5] }"),
        ["a list of lists"] = (new List<int[]> { new[] { 1, 2 }, Array.Empty<int>() }, "[[1, 2], []]"),
        ["a pair"] = ((1, new Told(0, 1)), "(1, Told { Steps = 1, Weight = 0 })"),
        ["a text of its own"] = (new Telling(4), "telling 4"),
        ["parts of its own"] = (new Parted(4, new Told(1, 1)), "parted 4 Told { Steps = 1, Weight = 1 }"),
        ["a class without values"] = (new Empty(), typeof(Empty).ToString()),
        ["a threat model only"] = (new OfThreat(ThreatModel.L2(1)), typeof(OfThreat).ToString()),
        ["an heir that adds nothing"] = (new PlainHeir(), "base"),
    };

    private static readonly Dictionary<string, (object Value, Type Hidden)> _hiding = new()
    {
        ["values behind the default text"] = (new Hiding(1), typeof(Hiding)),
        ["values of a base class"] = (new HidingHeir(), typeof(HidingHeir)),
        ["values that an abstract base cannot show"] = (new AddingHeir(3), typeof(AddingHeir)),
        ["a struct"] = (new HidingValue(1), typeof(HidingValue)),
        ["in a record"] = (new Holder(new Hiding(1)), typeof(Hiding)),
        ["in a list in a record"] = (new Holder(new[] { new Hiding(1) }), typeof(Hiding)),
        ["in a pair"] = ((1, new Hiding(1)), typeof(Hiding)),
        ["in parts"] = (new Parted(1, new Hiding(1)), typeof(Hiding)),
        ["parts that are none"] = (new Parted(1, null), typeof(Parted)),
        ["a function in a record"] = (new Holder(new Func<int>(() => 1)), typeof(Func<int>)),
    };

    public static TheoryData<string> Told_ => [.. _told.Keys];

    public static TheoryData<string> Hiding_ => [.. _hiding.Keys];

    [Theory]
    [MemberData(nameof(Told_))]
    public void Of_WhatShowsItsValues_IsTheDocumentedText(string row)
    {
        StatedIdentity.Of(_told[row].Value).Should().Be(_told[row].Text);
        StatedIdentity.FindHidden(_told[row].Value).Should().BeNull();
    }

    [Theory]
    [MemberData(nameof(Hiding_))]
    public void Of_WhatHidesValues_IsRefusedWithTypeAndRemedy(string row)
    {
        var (value, hidden) = _hiding[row];
        var act = () => StatedIdentity.Of(value, "Or leave it out.");
        act.Should().Throw<InvalidOperationException>().Which.Message.Should().StartWith($"{hidden}").And.Contain("ToString").And.EndWith("Or leave it out.");
        StatedIdentity.FindHidden(value)!.GetType().Should().Be(hidden);
    }

    [Fact]
    public void Of_AnyCulture_IsTheSame()
    {
        var before = CultureInfo.CurrentCulture;
        try
        {
            var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            comma.NumberFormat.NumberDecimalSeparator = ",";
            CultureInfo.CurrentCulture = comma;
            StatedIdentity.Of(new Told(0.5, 3)).Should().Be("Told { Steps = 3, Weight = 0.5 }");
            CultureInfo.CurrentCulture.Should().BeSameAs(comma);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Of_Tensors_DependsOnTheirValuesAndLeavesNone()
    {
        using var one = tensor(new[] { 1f, 2f });
        using var same = tensor(new[] { 1f, 2f });
        using var other = tensor(new[] { 1f, 3f });
        StatedIdentity.Of(new Holder(one)).Should().Be(StatedIdentity.Of(new Holder(same))).And.NotBe(StatedIdentity.Of(new Holder(other)));
        LeakAssert.None(() => StatedIdentity.Of(new Holder(one)));
    }

    [Fact]
    public void Of_Networks_IsTheirType()
    {
        using var model = nn.Linear(2, 2);
        StatedIdentity.Of(new Holder(model)).Should().Be("Holder { Value = Linear }");
    }

    [Fact]
    public void Of_ObjectsThatContainEachOther_EndsWithARefusal()
    {
        var circle = new Circle();
        circle.Next = circle;
        FluentActions.Invoking(() => StatedIdentity.Of(circle)).Should().Throw<InvalidOperationException>().WithMessage("*Circle*");
    }

    private sealed record Told(double Weight, int Steps);

    private readonly record struct ToldValue(int Steps);

    private sealed record Nesting(Told Inner, double[] Weights);

    private sealed record Holder(object? Value);

    private sealed class Circle : IStatesIdentity
    {
        public Circle? Next { get; set; }

        public IReadOnlyList<object?>? IdentityParts => [Next];
    }

    private sealed class Telling(int steps)
    {
        public override string ToString() => $"telling {steps}";
    }

    private sealed class Parted(int steps, object? inner) : IStatesIdentity
    {
        public IReadOnlyList<object?>? IdentityParts => inner is null ? null : ["parted", steps, inner];
    }

    private sealed class Empty;

    private sealed class OfThreat(ThreatModel threat)
    {
        public ThreatModel Threat => threat;
    }

    private class Hiding(int steps)
    {
        public int Steps => steps;
    }

    private sealed class HidingHeir() : Hiding(3);

    private readonly struct HidingValue(int steps)
    {
        public int Steps => steps;
    }

    private abstract class Base
    {
        public override string ToString() => "base";
    }

    private sealed class PlainHeir : Base;

    private sealed class AddingHeir(int steps) : Base
    {
        public int Steps => steps;
    }
}
